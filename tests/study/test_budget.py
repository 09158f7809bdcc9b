"""Budget: the largest balanced grid that fits, and what it gave up."""

import dataclasses
import re

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.study.budget import Pace, fit_to_budget, total_seconds
from ssl_voc.study.cells import Cell
from ssl_voc.study.plan import cells_of
from tests.study.plans import build_plan

PACE = Pace(start_seconds=20.0, photo_seconds=0.01, pause_seconds=1.0)


def test_time_of_a_plan_is_the_sum_of_starts_photos_and_pauses():
    plan = build_plan(shares=(1.0,), seeds=(0,), tuned=(), explain=False)
    # Pretraining: 20 epochs of 200 photos, two views of each. Twice: 30 epochs of
    # 1,000 photos, and half a start for the evaluation.
    pretraining = 20 + 20 * (2 * 200 * 0.01 + 1)
    finetuning = 30 + 30 * (1000 * 0.01 + 1)
    assert total_seconds(plan, PACE) == pytest.approx(pretraining + 2 * finetuning)


def test_a_pretraining_takes_as_many_views_as_its_objective():
    def seconds(objective):
        settings = (("--objective", objective),)
        cell = Cell("pretrain", "", settings, epochs=1, photos=100)
        return Pace(0.0, 1.0, 0.0).seconds(cell)

    assert seconds("supervised") == 100
    assert seconds("simclr") == seconds("dcl") == 200
    # Four local views have the pixels of one global one.
    assert seconds("multicrop") >= 300


def test_plan_that_fits_is_left_alone():
    plan = build_plan()
    assert fit_to_budget(plan, PACE, 1e9) == plan


@pytest.mark.parametrize("hours", [0.5, 1, 2, 4, 8])
def test_what_is_chosen_fits_and_is_balanced(hours):
    plan = build_plan()
    chosen = fit_to_budget(plan, PACE, hours * 3600)
    assert total_seconds(chosen, PACE) <= hours * 3600
    cells = [c for c in cells_of(chosen, lambda key: None) if c.kind == "finetune"]
    grid = chosen.grid
    places = {(cell.arm, cell.share, cell.seed) for cell in cells}
    assert len(places) == len(cells) == 2 * len(grid.shares) * len(grid.seeds)
    assert chosen.num_labels == tuple(map(plan.count, grid.shares))
    assert chosen.left_out or chosen == plan


def test_more_time_never_gives_a_smaller_grid():
    plan, sizes = build_plan(), []
    for hours in (0.2, 0.5, 1, 2, 4, 8, 16):
        grid = fit_to_budget(plan, PACE, hours * 3600).grid
        parts = len(grid.shares), len(grid.seeds), len(grid.tuned), grid.epochs
        sizes.append(parts)
    for less, more in zip(sizes, sizes[1:], strict=False):
        assert all(a <= b for a, b in zip(less, more, strict=True))
    assert sizes[0] != sizes[-1]


def test_shares_go_before_seeds_and_the_order_is_told():
    plan = build_plan()
    full = total_seconds(plan, PACE)
    chosen = fit_to_budget(plan, PACE, 0.8 * full)
    assert chosen.grid.shares[0] == 0.01 and chosen.grid.shares[-1] == 1.0
    assert len(chosen.grid.shares) < 4 and len(chosen.grid.seeds) == 3
    assert "10 % of the labels" in chosen.left_out[0]


def test_time_that_is_left_where_epochs_were_halved_last_goes_to_epochs():
    plan = build_plan(seeds=(0,), shares=(1.0,), tuned=(), explain=False)
    full = total_seconds(plan, PACE)
    chosen = fit_to_budget(plan, PACE, 0.95 * full / 0.9, keeps_samples=True)
    assert 15 < chosen.grid.epochs < 30
    assert any(
        f"{chosen.grid.epochs} times in place of 30" in line for line in chosen.left_out
    )
    more = dataclasses.replace(chosen.grid, epochs=chosen.grid.epochs + 1)
    more = dataclasses.replace(chosen, grid=more)
    assert total_seconds(chosen, PACE) <= 0.95 * full < total_seconds(more, PACE)


def test_number_of_samples_that_was_asked_for_is_kept():
    plan = build_plan(samples_seen=400_000)
    seconds = 0.9 * total_seconds(plan, PACE)
    assert fit_to_budget(plan, PACE, seconds).grid.samples_seen < 400_000
    kept = fit_to_budget(plan, PACE, seconds, keeps_samples=True)
    assert kept.grid.samples_seen == 400_000


def test_budget_below_the_smallest_grid_is_refused_with_what_it_lacks():
    plan = build_plan()
    with pytest.raises(BadInput, match="--budget: the smallest grid") as raised:
        fit_to_budget(plan, PACE, 60)
    more = int(re.search(r"needs (\d+)m more", str(raised.value))[1])
    chosen = fit_to_budget(plan, PACE, 60 * (1 + more))
    assert chosen.grid.shares == (1.0,) and chosen.grid.seeds == (0,)
    assert chosen.grid.epochs == 7 and not chosen.grid.tuned
    with pytest.raises(BadInput, match="needs 1m more"):
        fit_to_budget(plan, PACE, 60 * more)


def test_time_that_is_left_goes_to_the_pretrainings():
    plan = build_plan(shares=(1.0,), samples_seen=400_000)
    budget = total_seconds(plan, PACE) / 0.9 - 2000
    chosen = fit_to_budget(plan, PACE, budget)
    assert 100_000 < chosen.grid.samples_seen < 400_000
    assert 0.95 * 0.9 * budget < total_seconds(chosen, PACE) <= 0.9 * budget + 1
    assert any("of the 400,000" in line for line in chosen.left_out)
