"""How long the commands train where no flag says it."""

from types import SimpleNamespace

import pytest

import pipelines
from ssl_voc.finetune.config import BURN_IN
from ssl_voc.finetune.planned_settings import plan_epochs
from ssl_voc.finetune.unlabeled import UnlabeledPhotos
from ssl_voc.pretrain import PretrainConfig
from ssl_voc.pretrain.objectives.registry import OBJECTIVES
from ssl_voc.pretrain.run import PretrainingRun
from ssl_voc.runs.run_folder import RunFolder
from ssl_voc.tasks import TASKS
from tests import tiny


def pool_of(num_photos):
    """Photos without boxes, as much as a fine-tuning counts them."""
    pool = pipelines.prepare({"images": tiny.draw_photos(num_photos, size=8)}, 8)
    config = SimpleNamespace(burn_in=BURN_IN, batch_size=16)
    return UnlabeledPhotos(None, config, SimpleNamespace(unlabeled=pool), steps=None)


@pytest.mark.parametrize(
    ("task", "steps", "num_unlabeled", "epochs", "reason"),
    [
        ("localize", 10, 0, 30, "at least 30 epochs"),
        ("detect", 10, 0, 150, "at least 30 epochs and 1500 steps"),
        ("detect", 49, 0, 31, "at least 30 epochs and 1500 steps"),
        ("detect", 100, 0, 30, "at least 30 epochs and 1500 steps"),
        # Five passes of 10 steps are the 70 % behind the burn-in: 72 steps in all.
        ("localize", 2, 160, 36, "at least 30 epochs and 5 passes over --unlabeled"),
    ],
)
def test_finetuning_takes_30_epochs_and_more_where_these_are_few_steps(
    task, steps, num_unlabeled, epochs, reason
):
    unlabeled = pool_of(num_unlabeled) if num_unlabeled else None
    assert plan_epochs(TASKS[task], steps, unlabeled) == (epochs, reason)


class Chosen(Exception):
    """The default that a run would take."""


# 2,000 steps are 400 passes of 5, or 37 of 55, the last one cut.
@pytest.mark.parametrize(("steps", "epochs"), [(5, 400), (55, 37), (100, 36)])
def test_pretraining_takes_36_passes_and_2000_steps(
    tmp_path, monkeypatch, steps, epochs
):
    def choose(run, default, reason):
        raise Chosen(default, reason)

    pool = SimpleNamespace(steps_per_epoch=lambda batch_size: steps)
    objective = SimpleNamespace(pool=pool)
    monkeypatch.setitem(OBJECTIVES, "simclr", lambda config: objective)
    monkeypatch.setattr("ssl_voc.pretrain.run.build_initial_backbone", lambda *_: None)
    monkeypatch.setattr(PretrainingRun, "choose_epochs", choose)
    config = PretrainConfig(weights=None, batch_size=16, out=tmp_path).resolved()
    folder = RunFolder(tmp_path, None, resuming=False, manifest={})
    with pytest.raises(Chosen) as chosen:
        PretrainingRun(config, folder)
    assert chosen.value.args == (epochs, "at least 36 passes and 2000 steps")
