"""What localizers and detectors do alike."""

import keras
import numpy as np
import pytest
from keras import ops

from tests import tiny

BUILDS = {
    "localizer": (
        lambda **given: tiny.build_localizer(tiny.build_backbone, **given),
        tiny.compile_localizer,
        tiny.labeled_batch,
    ),
    "detector": (tiny.build_detector, tiny.compile_detector, tiny.detection_batch),
}


@pytest.fixture(params=BUILDS)
def parts(request):
    """Functions that build a model, compile it, and draw its batches."""
    return BUILDS[request.param]


def test_images_alone_cannot_be_fitted_or_evaluated(parts):
    build, compile_model, draw = parts
    model = compile_model(build())
    for act in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="need boxes: .*Received images alone"):
            act(draw(2)["images"], verbose=0)


def test_images_and_targets_may_come_apart(parts):
    build, compile_model, draw = parts
    model = compile_model(build())
    batch = draw(4)
    batch.pop("difficult", None)
    options = {"batch_size": 4, "verbose": 0, "return_dict": True}
    together = model.evaluate(batch, **options)
    apart = model.evaluate(batch["images"], batch["bounding_boxes"], **options)
    assert apart == pytest.approx(together, rel=1e-4)


def test_frozen_batch_norms_keep_their_statistics_while_kernels_learn(parts):
    build, compile_model, draw = parts
    learned = {"kernel", "gamma", "beta"}
    for freeze in (True, False):
        model = compile_model(build(freeze_batch_norm=freeze))
        weights = model.backbone.weights
        before = [ops.convert_to_numpy(weight).copy() for weight in weights]
        model.fit(draw(4), verbose=0)
        moved = {
            weight.path.split("/")[-1]
            for weight, old in zip(weights, before, strict=True)
            if not np.array_equal(ops.convert_to_numpy(weight), old)
        }
        statistics = set() if freeze else {"moving_mean", "moving_variance"}
        assert moved == learned | statistics


def test_format_of_boxes_is_checked(parts):
    build, _, _ = parts
    with pytest.raises(ValueError, match="`bounding_box_format` must be one of"):
        build(bounding_box_format="corners")


def test_a_frozen_backbone_keeps_weights_and_statistics(parts):
    build, compile_model, draw = parts
    model = build()
    model.backbone.trainable = False
    compile_model(model)
    before, head = model.backbone.get_weights(), model.head.get_weights()
    model.fit(draw(4), verbose=0)
    keras.tree.map_structure(
        np.testing.assert_array_equal, before, model.backbone.get_weights()
    )
    assert not np.array_equal(head[-1], model.head.get_weights()[-1])
