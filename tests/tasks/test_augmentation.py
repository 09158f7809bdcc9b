"""Flags of `finetune` that reach the augmenter of each task's model."""

import dataclasses
import types

import pytest

from ssl_voc.finetune import FinetuneConfig
from ssl_voc.tasks import TASKS
from tests import tiny

BACKBONES = {
    "localize": lambda: tiny.build_plain_backbone(32),
    "detect": lambda: tiny.build_deep_backbone(64),
}


@pytest.mark.parametrize("task", TASKS)
def test_views_are_drawn_as_the_flags_say(task):
    def augmenter_of(**changes):
        config = FinetuneConfig(data=("photos",), task=task, **changes).resolved()
        # As a short run fills it in.
        config = dataclasses.replace(config, mosaic=TASKS[task].mosaic_share(1, 1))
        pool = types.SimpleNamespace(class_names=("a", "b"))
        return TASKS[task].build_model(BACKBONES[task](), config, pool).augmenter

    plain = augmenter_of(color_strength=0.0, grayscale_rate=0.0, flip_rate=0.0)
    assert plain.distortions == [] and plain.flip_rate == 0.0
    usual, defaults = augmenter_of(), type(plain)(32)
    if task == "detect":
        assert usual.mosaic_rate == defaults.mosaic_rate
    for name in ("area_range", "flip_rate", "color_strength", "grayscale_rate"):
        assert getattr(usual, name) == getattr(defaults, name)
