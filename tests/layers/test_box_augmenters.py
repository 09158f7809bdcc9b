"""What augmenters of images with boxes do alike."""

import keras
import numpy as np
import pytest

from ssl_voc.layers import DetectionAugmenter, LocalizationAugmenter
from tests.painted_objects import draw_boxes, to_numpy

HEIGHT, WIDTH = 48, 64
AUGMENTERS = [LocalizationAugmenter, DetectionAugmenter]
# Every argument away from its default: a config that forgets one changes the result.
ARGUMENTS = (24, (0.2, 0.4), (0.9, 1.1), 0.3, 0.2, 0.6, 0.4, 0.5, 0.2)


def build_batch(num_images=6, seed=0):
    random = np.random.default_rng(seed)
    shape = (num_images, HEIGHT, WIDTH, 3)
    return {
        "images": random.integers(0, 256, shape, "uint8"),
        "bounding_boxes": draw_boxes(num_images, 2, HEIGHT, WIDTH, seed),
    }


@pytest.mark.parametrize("augmenter", AUGMENTERS)
def test_inference_only_resizes(augmenter):
    batch = build_batch()
    before = batch["bounding_boxes"]
    exists = before["classes"] >= 0
    for training in ({}, {"training": False}):
        result = to_numpy(augmenter(96, seed=0)(batch, **training))
        after = result["bounding_boxes"]
        np.testing.assert_array_equal(after["classes"], before["classes"])
        factors = np.array([96 / WIDTH, 96 / HEIGHT] * 2)
        expected = before["boxes"][exists] * factors
        np.testing.assert_allclose(after["boxes"][exists], expected, rtol=1e-5)
        np.testing.assert_array_equal(after["boxes"][~exists], -1.0)
        assert result["images"].shape == (6, 96, 96, 3)


@pytest.mark.parametrize("augmenter", AUGMENTERS)
def test_inference_at_the_size_of_the_images_changes_nothing(augmenter):
    batch = build_batch()
    batch["images"] = batch["images"][:, :, :HEIGHT]
    result = to_numpy(augmenter(HEIGHT, seed=0)(batch))
    keras.tree.map_structure(np.testing.assert_array_equal, result, batch)


@pytest.mark.parametrize("augmenter", AUGMENTERS)
def test_the_same_seed_draws_the_same_and_the_next_batch_something_else(augmenter):
    batch = build_batch()
    layers = [augmenter(32, seed=seed) for seed in (7, 7, 8)]
    first, again, other = (to_numpy(layer(batch, training=True)) for layer in layers)
    keras.tree.map_structure(np.testing.assert_array_equal, first, again)
    following = to_numpy(layers[0](batch, training=True))
    for different in (other, following):
        gap = np.abs(first["images"] - different["images"])
        assert np.mean(gap.mean(axis=(1, 2, 3)) > 5) > 0.8


@pytest.mark.parametrize(
    "layer",
    [
        LocalizationAugmenter(*ARGUMENTS, seed=7),
        DetectionAugmenter(*ARGUMENTS, mosaic_rate=0.8, seed=7),
    ],
    ids=["localization", "detection"],
)
def test_augmenter_reloads_with_its_arguments(layer):
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    results = [to_numpy(part(build_batch(), training=True)) for part in (layer, again)]
    keras.tree.map_structure(np.testing.assert_array_equal, *results)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"flip_rate": 2}, "`flip_rate` is a probability"),
        ({"color_rate": -1}, "`color_rate` is a probability"),
        ({"grayscale_rate": 9}, "`grayscale_rate` is a probability"),
        ({"mosaic_rate": -1}, "`mosaic_rate` is a probability"),
        ({"color_strength": -1}, "`color_strength` must not be negative"),
        ({"min_visible_share": 0.9}, "`min_visible_share` must not exceed"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        DetectionAugmenter(8, **arguments)
