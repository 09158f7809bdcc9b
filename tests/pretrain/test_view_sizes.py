"""Sizes of views in the course of a run: small ones first, `--time`, resuming."""

from types import SimpleNamespace

import keras
import pytest

from ssl_voc.pretrain import PretrainConfig, pretrain
from ssl_voc.pretrain.objectives.registry import OBJECTIVES
from ssl_voc.pretrain.run import PretrainingRun
from ssl_voc.pretrain.view_sizes import plan_view_sizes, tell_of_one_cell
from ssl_voc.training.time_budget import TimeBudget
from tests import tiny
from tests.pretrain.stopped import assert_same_training, stop_after

SMALL_FIRST = PretrainConfig(image_size=64, image_size_start=48)


def begun(done, recorded=None, config=SMALL_FIRST):
    """A run without photos or a model."""
    run = PretrainingRun.__new__(PretrainingRun)
    manifest = {} if recorded is None else {"stage_borders": [recorded]}
    run.folder = SimpleNamespace(manifest=manifest)
    run.config, run.done_epochs = config, done
    return run


def test_small_views_take_70_percent_of_the_epochs_and_leave_one_at_least():
    assert plan_view_sizes(SMALL_FIRST, 10) == [(7, 48), (10, 64)]
    assert plan_view_sizes(SMALL_FIRST, 1) == [(0, 48), (1, 64)]
    assert plan_view_sizes(PretrainConfig(), 10) == [(10, 96)]


def test_small_views_must_be_smaller():
    with pytest.raises(ValueError, match="--image-size-start"):
        PretrainConfig(image_size=96, image_size_start=96)


@pytest.mark.parametrize(
    ("recorded", "done", "epochs", "border"),
    [
        (None, 0, 10, 7),  # a first start
        (70, 10, 20, 14),  # fewer epochs than were planned
        (7, 5, 100, 70),  # more, while the first part goes on
        (7, 8, 100, 7),  # and after it
        (70, 15, 16, 15),  # of epochs that are done none is dropped
    ],
)
def test_border_between_small_and_large_views_follows_the_epochs_until_it_is_passed(
    recorded, done, epochs, border
):
    assert begun(done, recorded)._stages(epochs) == [(border, 48), (epochs, 64)]


@pytest.mark.parametrize(
    ("done", "recorded", "more", "timed"),
    [
        # 59 small ones of 1 s each, 25 large ones of 4 s.
        (0, None, 84, [64, 48]),
        # To epoch 70 of 100 small ones, 40 s; 30 large ones, 120 s.
        (30, 70, 70, [64, 48]),
        # The 300 that are done are more than 70 %.
        (300, 700, 40, [64, 48]),
        (300, 210, 40, [64]),  # the small ones are over
    ],
)
def test_a_time_is_planned_by_the_sizes_that_its_own_epochs_will_have(
    monkeypatch, done, recorded, more, timed
):
    run, shown, chosen = begun(done, recorded), [], []
    run.steps = 2
    run.timed_batches = lambda: (None, None)
    run._show_views_of = shown.append
    run.measure_step = lambda batches: {48: 0.5, 64: 2.0}[shown[-1]]
    run.measure_pause = lambda: 0.0
    run.set_epochs = chosen.append
    monkeypatch.setattr(TimeBudget, "seconds_left", 160.5 / 0.9)
    TimeBudget(run, "3m").plan()
    assert (chosen, shown) == ([done + more], timed)


def test_steps_on_another_size_are_compiled_anew_those_of_validation_too():
    run, done = begun(0), []
    run.model = SimpleNamespace(
        augmenter=SimpleNamespace(image_size=64, set_image_size=done.append),
        make_train_function=lambda force: done.append("train"),
        make_test_function=lambda force: done.append("test"),
    )
    run._show_views_of(64)
    assert done == []
    run._show_views_of(48)
    assert done == [48, "train", "test"]


@pytest.mark.parametrize(("strides", "is_told"), [(5, True), (4, False)])
def test_a_start_on_a_map_of_one_cell_is_told(capsys, strides, is_told):
    inputs = x = keras.Input((None, None, 3))
    for _ in range(strides):
        x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
    tell_of_one_cell(keras.Model(inputs, x), 32)
    assert ("32 px end in a map of 1 x 1" in capsys.readouterr().out) == is_told


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_stopped_amid_small_views_any_objective_goes_on_as_if_never_stopped(
    place, tmp_path, monkeypatch, objective
):
    changes = {"objective": objective, "image_size": 48, "image_size_start": 32}
    if objective == "distill":
        teacher = tiny.save_teacher(tmp_path / "teacher.keras")
        changes |= {"teacher": str(teacher), "queue_size": 60}
    if objective == "dense":  # whose cells are of stride 8
        tiny.build_deep_backbone(32).save(tmp_path / "deep.keras")
        changes["backbone"] = str(tmp_path / "deep.keras")
    sizes, show = [], PretrainingRun._show_views_of
    monkeypatch.setattr(
        PretrainingRun,
        "_show_views_of",
        lambda run, size: (sizes.append(size), show(run, size)),
    )
    whole, cut = (
        place.config(tmp_path / name, **changes, epochs=3) for name in ("whole", "cut")
    )
    pretrain(whole)
    stop_after(1, cut)
    pretrain(cut)
    assert sizes == [32, 48] + [32] + [32, 48]
    assert_same_training(cut.out, whole.out)
    backbone = keras.models.load_model(whole.out / "backbone.keras")
    assert backbone.input_shape == (None, 48, 48, 3)
