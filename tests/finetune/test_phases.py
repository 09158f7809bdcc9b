"""Which epochs of a schedule train the backbone."""

from types import SimpleNamespace

import pytest

from ssl_voc.finetune import FinetuneConfig
from ssl_voc.finetune.phases import Phase, plan_phases
from ssl_voc.finetune.planned_settings import fill_in_unfreeze_epoch
from ssl_voc.finetune.run import FinetuningRun
from ssl_voc.tasks import TASKS


@pytest.mark.parametrize(
    ("schedule", "phases"),
    [
        ("full", [Phase(0, 5, frozen=False)]),
        ("frozen", [Phase(0, 5, frozen=True)]),
        ("staged", [Phase(0, 2, frozen=True), Phase(2, 5, frozen=False)]),
    ],
)
def test_the_backbone_trains_from_the_epoch_that_the_schedule_says(schedule, phases):
    assert plan_phases(schedule, 5, 2) == phases


def test_the_rate_of_a_phase_has_risen_after_its_share_of_epochs():
    head, everything = plan_phases("staged", 300, 50)
    assert head.warm_epoch(0.1) == 5
    assert everything.warm_epoch(0.1) == 75
    assert everything.warm_epoch(0.0) == 50


def test_a_run_may_end_while_the_head_trains_alone(tmp_path):
    run = object.__new__(FinetuningRun)
    run.config = FinetuneConfig(schedule="staged", epochs=214, unfreeze_epoch=36)
    run.done_epochs, dropped = 30, []
    run.folder = SimpleNamespace(drop_epochs_after=dropped.append, read_epochs=list)
    run.checkpoints, run.student = tmp_path, None
    run.task, run.data = TASKS["detect"], SimpleNamespace(validation=())
    (tmp_path / "best_00031.npz").touch()
    run.stop_here()
    assert run.config.epochs == 30 == dropped[0]
    # A kill came before its checkpoint: no weights are kept of later epochs.
    assert not (tmp_path / "best_00031.npz").exists()


@pytest.mark.parametrize(
    ("done", "recorded", "epochs", "chosen"),
    [
        (0, None, 30, 5),
        (0, None, 2, 1),
        (3, 5, 300, 50),
        (5, 5, 300, 5),  # nothing is frozen again
        (30, 36, 100, 30),  # nor trained in what was frozen
    ],
)
def test_the_head_trains_alone_for_a_sixth_of_the_epochs(
    done, recorded, epochs, chosen
):
    manifest = {} if recorded is None else {"unfreeze_epoch": recorded}
    folder = SimpleNamespace(manifest=manifest, update_manifest=manifest.update)
    config = FinetuneConfig(schedule="staged", epochs=epochs)
    config = fill_in_unfreeze_epoch(config, folder, done)
    assert manifest["unfreeze_epoch"] == config.unfreeze_epoch == chosen
