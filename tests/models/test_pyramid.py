"""Feature maps found by their stride."""

import keras
import numpy as np
import pytest

from ssl_voc import models
from ssl_voc.models.pyramid import feature_levels
from tests import tiny


@pytest.mark.parametrize(
    ("image_size", "sides"),
    # 100 / 8, 100 / 16 and 100 / 32 rounded up.
    [(96, [12, 6, 3]), (100, [13, 7, 4])],
)
def test_levels_are_the_deepest_maps_before_the_next_stride(image_size, sides):
    backbone = models.backbone("EfficientNetB0", image_size=image_size)
    levels = feature_levels(backbone, (8, 16, 32))
    assert [output.shape[1] for output in levels.outputs] == sides
    # Block 4 (6) halves the resolution after its expansion, which is still at 8 (16).
    assert [tensor.shape[-1] for tensor in levels.outputs] == [240, 672, 1280]


def test_last_level_is_the_backbones_own_output():
    backbone = models.backbone("EfficientNetB0", image_size=64)
    levels = feature_levels(backbone, [32])
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    got = keras.ops.convert_to_numpy(keras.tree.flatten(levels(images))[0])
    np.testing.assert_array_equal(got, keras.ops.convert_to_numpy(backbone(images)))


def test_missing_stride_and_unknown_size_are_named():
    with pytest.raises(ValueError, match="no feature map of stride 64"):
        feature_levels(tiny.build_backbone(image_size=64), [64])
    with pytest.raises(ValueError, match="build the backbone with an `image_size`"):
        feature_levels(models.backbone("EfficientNetB0"), [32])
