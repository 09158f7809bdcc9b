"""Cells of a plan: what is shared, what waits, and which rate is chosen."""

import collections
import dataclasses
import pathlib

import pytest

from ssl_voc.study.plan import (
    cells_of,
    choose_rate,
    pretraining_cells,
    rate_of,
    tuning_cells,
    tuning_share,
    weights_of,
)
from tests.study.plans import build_plan


def unknown(key):
    return None


def finished(plan, best=0.003):
    """Outcomes where one rate is best for every arm."""
    scores = {}
    for arm in plan.arms:
        weights = weights_of(arm, pretraining_cells(plan, arm))
        for share in plan.grid.tuned:
            for cell in tuning_cells(plan, arm, share, weights):
                scores[cell.key] = {"score": 0.9 if cell.rate == best else 0.1}
    return scores.get


def test_pretrainings_come_first_and_are_shared_by_arms_and_shares():
    arms = ["random", "ssl:pool", "frozen=ssl:pool --schedule frozen", "ssl:other"]
    plan = build_plan([*arms, "ssl:pool+ssl:other"])
    cells = cells_of(plan, unknown)
    kinds = [cell.kind for cell in cells]
    assert kinds == sorted(kinds, key=["pretrain", "tune", "finetune", "explain"].index)
    # pool; other; other on top of pool.
    learned = [cell for cell in cells if cell.kind == "pretrain"]
    assert len(learned) == 3
    chained = [cell for cell in learned if cell.needs]
    assert [cell.needs for cell in chained] == [[learned[0].key]]
    count = collections.Counter(kinds)
    assert count["tune"] == 5 * 3 * 3
    assert count["finetune"] == 5 * 4 * 3
    assert count["explain"] == 4


def test_all_pretrainings_see_as_many_photos():
    plan = build_plan(["random", "ssl:pool", "ssl:other"])
    learned = [cell for cell in cells_of(plan, unknown) if cell.kind == "pretrain"]
    assert [cell.epochs * cell.photos for cell in learned] == [4000, 4000]


def test_arms_differ_in_nothing_but_weights_rate_and_their_own_flags():
    plan = build_plan()
    cells = [c for c in cells_of(plan, finished(plan)) if c.kind == "finetune"]
    by_arm = collections.defaultdict(list)
    for cell in cells:
        others = [pair for pair in cell.settings if pair[0] != "--weights"]
        by_arm[cell.arm].append((others, cell.evaluation, cell.epochs))
    assert by_arm["random"] == by_arm["ssl"]
    assert len(by_arm["ssl"]) == 4 * 3


def test_runs_that_count_learn_from_all_labels_and_trials_keep_some_to_judge_by():
    for cell in cells_of(build_plan(), unknown):
        if cell.command == "finetune":
            keeps_none = ("--val-share", 0) in cell.settings
            assert keeps_none == (cell.kind == "finetune")


def test_cell_waits_for_its_rate_and_takes_the_best_of_the_validation_photos():
    plan = build_plan()
    cells = [c for c in cells_of(plan, unknown) if c.kind in ("finetune", "explain")]
    assert not any(cell.is_ready for cell in cells)
    cells = cells_of(plan, finished(plan))
    assert all(cell.is_ready for cell in cells)
    assert {cell.rate for cell in cells if cell.kind == "finetune"} == {0.003}


def test_trial_that_failed_leaves_the_rate_unknown():
    plan = build_plan()
    arm, known = plan.arms[0], finished(plan)
    (failed, *_) = tuning_cells(plan, arm, 1.0, "none")

    def outcome_of(key):
        return {"failed": "exit status 1"} if key == failed.key else known(key)

    assert rate_of(plan, arm, 1.0, "none", known) == 0.003
    assert rate_of(plan, arm, 1.0, "none", outcome_of) is None
    assert rate_of(plan, arm, 0.25, "none", outcome_of) == 0.003


def test_pretrainings_are_told_with_what_they_began_with():
    own = "runs/own/backbone.keras+ssl:pool"
    arms = ["random", "a=ssl:pool", "b=imagenet+ssl:pool", f"c={own}+ssl:other"]
    cells = cells_of(build_plan(arms), unknown)
    cells = [cell for cell in cells if cell.kind == "pretrain"]
    first, on = "pretrain simclr on pool", "pretrain simclr on other goes on"
    assert [cell.full_title for cell in cells] == [
        first,
        f"{first} from imagenet",
        f"{first} from own",
        f"{on} from {first} from own",
    ]
    # No part of the key, by which the runs behind it find their weights.
    assert {cell.title for cell in cells} == {first, on}
    renamed = dataclasses.replace(cells[1], start="elsewhere")
    assert renamed.key == cells[1].key


def test_too_few_labels_to_validate_take_the_rate_of_the_next_larger_share():
    plan = build_plan()
    assert plan.grid.tuned == (0.1, 0.25, 1.0)
    assert tuning_share(plan.grid, 0.01) == 0.1
    assert tuning_share(plan.grid, 0.25) == 0.25
    only = dataclasses.replace(plan.grid, tuned=(0.1,))
    assert tuning_share(only, 1.0) == 0.1
    none = build_plan(tuned=())
    arm = none.arms[0]
    assert rate_of(none, arm, 0.1, "none", unknown) == none.grid.rates[0]


def test_rate_without_a_score_is_not_chosen_and_equal_ones_keep_the_default():
    assert choose_rate((0.01, 0.003, 0.03), [0.5, None, 0.5]) == 0.01
    assert choose_rate((0.01, 0.003, 0.03), [None, 0.1, 0.2]) == 0.03
    assert choose_rate((0.01, 0.003), [None, None]) == 0.003


@pytest.mark.parametrize("evaluation", [(("--split", "val"),), ()])
def test_what_counts_is_evaluated_and_trials_never_see_the_reported_photos(evaluation):
    # Without a split those that finetune held out are reported.
    for cell in cells_of(build_plan(evaluation=evaluation), unknown):
        commands = cell.commands(pathlib.Path("cells"))
        is_reported = any("ssl_voc.evaluate" in words for words in commands)
        assert is_reported == (cell.kind == "finetune")
        if cell.kind == "tune":
            assert "val" not in commands[0]


def test_another_study_reuses_the_cells_it_has_in_common():
    small = {c.key for c in cells_of(build_plan(seeds=(0, 1)), unknown)}
    large = {c.key for c in cells_of(build_plan(), unknown)}
    assert small < large
    longer = {c.key for c in cells_of(build_plan(epochs=31), unknown)}
    common = {key for key in large & longer}
    assert all(key.startswith("pretrain") for key in common) and common


@pytest.mark.parametrize(
    ("changed", "same"),
    [((), {"pretrain"}), (("simclr", "pool"), {"tune", "finetune"})],
)
def test_other_photos_or_labels_make_other_runs_of_what_sees_them(changed, same):
    plan = build_plan()
    digests = {**dict(plan.digests), changed: "changed"}
    after = cells_of(dataclasses.replace(plan, digests=(*digests.items(),)), unknown)
    before = {cell.key for cell in cells_of(plan, unknown)}
    kept = [cell for cell in after if cell.key in before]
    assert {cell.kind for cell in kept} == same
    assert changed == () or {cell.arm for cell in kept} == {"random"}


def test_fewer_labels_are_seen_more_often_by_the_square_root():
    grid = build_plan().grid
    counts = {1.0: 1000, 0.25: 250, 0.01: 10}
    assert [grid.epochs_at(*pair) for pair in counts.items()] == [30, 60, 300]
    # Of 32 photos a step: 31 steps an epoch are enough, 7 for 60 epochs and 1 are not.
    grid = build_plan(least_steps=500, batch_size=32).grid
    assert [grid.epochs_at(*pair) for pair in counts.items()] == [30, 72, 500]


def test_command_names_the_run_of_the_pretraining():
    plan = build_plan()
    cells = cells_of(plan, finished(plan))
    pretraining = cells[0]
    cell = next(c for c in cells if c.kind == "finetune" and c.arm == "ssl")
    first, second = cell.commands(pathlib.Path("cells"))
    at = first.index("--weights") + 1
    assert first[at] == str(pathlib.Path("cells") / pretraining.key / "run")
    run = str(pathlib.Path("cells") / cell.key / "run")
    assert first[-2:] == ["--out", run] and second[3] == run
    assert second[4:6] == ["--split", "val"]
