"""`--balance` on the way from the flag to the batches."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

import pipelines
from ssl_voc.finetune.report import tell_of_balance
from ssl_voc.finetune.run import FinetuningRun
from tests import tiny


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """Twelve photos, of which one is red, two are green and nine are blue."""
    pixels, boxes, _ = tiny.draw_objects(12, 32)
    names = ["red"] + ["green"] * 2 + ["blue"] * 9
    photos = [
        (photo, [(name, box, False)])
        for photo, box, name in zip(pixels, boxes, names, strict=True)
    ]
    tree = tiny.write_voc_tree(tmp_path_factory.mktemp("rare") / "voc", photos)
    return pipelines.prepare_labeled(tree, 32, main_object_only=True)


def classes_seen(pool, balance, name):
    """How often each class comes in 60 epochs of the batches that a run takes."""
    task = SimpleNamespace(model_inputs=lambda batch: batch["bounding_boxes"])
    config = SimpleNamespace(balance=balance)
    run = SimpleNamespace(
        training=pool, config=config, task=task, _is_burning_in=lambda done: True
    )
    batches = getattr(FinetuningRun, name)(run, 4, 0, 0)
    taken = itertools.islice(batches, 60 * pool.steps_per_epoch(4))
    classes = [
        np.asarray((batch[0] if isinstance(batch, tuple) else batch)["classes"])
        for batch in taken
    ]
    return np.bincount(np.concatenate(classes).astype(int).ravel(), minlength=3)


@pytest.mark.parametrize("name", ["batches", "dataset"])
def test_rare_classes_come_more_often_in_the_batches_of_a_run(pool, name):
    plain, balanced = (classes_seen(pool, share, name) for share in (None, 0.5))
    assert plain.tolist() == [60 * 9, 60 * 2, 60]  # blue, green, red
    assert balanced.sum() == plain.sum()
    # As often as blue: sqrt(0.5 / (2 / 12)) = 1.73, sqrt(0.5 / (1 / 12)) = 2.45.
    ratios = (balanced / plain) / (balanced / plain)[0]
    np.testing.assert_allclose(ratios, [1.0, 1.73, 2.45], rtol=0.12)


def test_the_classes_and_their_factors_are_told(pool, capsys):
    tell_of_balance(pool, 0.5, 3)
    tell_of_balance(pool, 0.05, 3)
    rare, none = capsys.readouterr().out.splitlines()
    assert "green 1.73, red 2.45" in rare and "blue" not in rare and "3 steps" in rare
    assert "no class is in fewer than 5%" in none
