"""Feature maps found by their stride."""

import functools

import keras
import numpy as np
import pytest

from ssl_voc.models.pyramid import (
    check_feature_maps,
    deepest_levels,
    feature_levels,
    least_image_size,
)
from tests import tiny


@functools.cache
def build_application(name, image_size):
    """A network of Keras without its top, of random weights; not to be changed."""
    size = (image_size, image_size, 3)
    build = getattr(keras.applications, name)
    return build(include_top=False, weights=None, input_shape=size)


def test_levels_are_the_deepest_maps_before_the_next_stride():
    levels = feature_levels(build_application("EfficientNetB0", 100), (8, 16, 32))
    # 100 / 8, 100 / 16 and 100 / 32 rounded up.
    assert [output.shape[1] for output in levels.outputs] == [13, 7, 4]
    # Block 4 (6) halves the resolution after its expansion, which is still at 8 (16).
    assert [tensor.shape[-1] for tensor in levels.outputs] == [240, 672, 1280]


def test_missing_stride_and_unknown_size_are_named():
    with pytest.raises(ValueError, match="no feature map of stride 64"):
        feature_levels(tiny.build_backbone(image_size=64), [64])
    with pytest.raises(ValueError, match="build the backbone with an `image_size`"):
        feature_levels(tiny.build_backbone(None), [32])


@pytest.mark.parametrize(
    ("name", "image_size", "shapes"),
    [
        # 100 / 16 and 100 / 32 rounded up, so not quite twice as fine.
        ("EfficientNetB0", 100, [(7, 7, 672), (4, 4, 1280)]),
        # The last map before block 6 halves the resolution is its expansion.
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("EfficientNetB0", 32, [(2, 2, 672), (1, 1, 1280)]),
                ("EfficientNetB0", 128, [(8, 8, 672), (4, 4, 1280)]),
                ("EfficientNetB1", 96, [(6, 6, 672), (3, 3, 1280)]),
                ("EfficientNetB4", 160, [(10, 10, 960), (5, 5, 1792)]),
            )
        ),
    ],
)
def test_deepest_levels_are_those_of_stride_16_and_32(name, image_size, shapes):
    backbone = build_application(name, image_size)
    levels = deepest_levels(backbone)
    assert [tuple(output.shape[1:]) for output in levels.outputs] == shapes
    assert levels.outputs[1] is backbone.output
    assert levels.outputs[0] is backbone.get_layer("block6a_expand_activation").output


def test_deepest_levels_share_weights_and_computation():
    backbone = tiny.build_backbone(32)
    levels = deepest_levels(backbone)
    # 32 px, without padding: 15 and 7 cells, of which 15 are twice 7 and one.
    assert [output.shape[1] for output in levels.outputs] == [15, 7]
    assert levels.outputs[0] is backbone.get_layer("relu_0").output
    images = tiny.draw_photos(2, size=32).astype("float32")
    finer, last = levels(images)
    np.testing.assert_array_equal(last, backbone(images))
    assert levels.weights[0] is backbone.weights[0]


def test_a_border_of_zeros_is_no_level():
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, 2, padding="same", name="finer")(inputs)
    x = keras.layers.ZeroPadding2D(((0, 1), (0, 1)))(x)  # 9 cells
    x = keras.layers.Conv2D(4, 3, 2)(x)
    backbone = keras.Model(inputs, x)
    assert backbone.output_shape[1] == 4
    levels = deepest_levels(backbone)
    assert levels.outputs[0] is backbone.get_layer("finer").output


def test_a_backbone_of_one_resolution_has_one_level():
    inputs = keras.Input((16, 16, 3))
    backbone = keras.Model(inputs, keras.layers.Conv2D(4, 4, 4)(inputs))
    assert [output.shape[1] for output in deepest_levels(backbone).outputs] == [4]


def test_deepest_levels_need_maps_of_known_size():
    with pytest.raises(ValueError, match="build the backbone with an `image_size`"):
        deepest_levels(tiny.build_backbone(None))


def test_a_backbone_must_end_in_feature_maps_of_one_resolution():
    inputs = keras.Input((16, 16, 3))
    pooled = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    # As many shapes as a feature map has sides.
    maps = [keras.layers.MaxPooling2D(n)(inputs) for n in range(1, 5)]
    pyramid = keras.Model(inputs, maps)

    class Subclassed(keras.Model):
        def call(self, images):
            return images

    for backbone in (pooled, pyramid, Subclassed()):
        for check in (check_feature_maps, deepest_levels):
            with pytest.raises(ValueError, match="must end in feature maps"):
                check(backbone)
    check_feature_maps(tiny.build_backbone(None))


def test_least_size_is_the_first_that_leaves_a_cell():
    backbone = tiny.build_backbone(None)
    # Two convolutions of 3 cells and stride 2: 7 px are 3 cells, then 1; 6 px are 2.
    assert least_image_size(backbone, range(1, 20)) == 7
    assert least_image_size(backbone, range(9, 20)) == 9
    assert least_image_size(backbone, range(4, 6)) == 5
