"""What augmenters of images with boxes do alike."""

import keras
import numpy as np
import pytest

from ssl_voc.layers import (
    DetectionAugmenter,
    LocalizationAugmenter,
    RandomBoxCrop,
    RandomMosaic,
)
from tests import tiny
from tests.painted_objects import HEIGHT, WIDTH, draw_batch, find_each, listed, to_numpy

PLAIN = {"color_strength": 0.0, "grayscale_rate": 0.0}
AUGMENTERS = [LocalizationAugmenter, DetectionAugmenter]
# Every argument away from its default: a config that forgets one changes the result.
ARGUMENTS = {
    "image_size": 24,
    "area_range": (0.2, 0.4),
    "aspect_range": (0.9, 1.1),
    "flip_rate": 0.3,
    "color_strength": 0.2,
    "color_rate": 0.6,
    "grayscale_rate": 0.4,
    "min_main_share": 0.5,
    "min_visible_share": 0.2,
    "seed": 7,
}


@pytest.mark.parametrize("augmenter", AUGMENTERS)
def test_inference_only_resizes(augmenter):
    batch = draw_batch()
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
    batch = draw_batch()
    batch["images"] = batch["images"][:, :, :HEIGHT]
    result = to_numpy(augmenter(HEIGHT, seed=0)(batch))
    keras.tree.map_structure(np.testing.assert_array_equal, result, batch)


@pytest.mark.parametrize("augmenter", AUGMENTERS)
def test_the_same_seed_draws_the_same_and_the_next_batch_something_else(augmenter):
    batch = draw_batch()
    layers = [augmenter(32, seed=seed) for seed in (7, 7, 8)]
    first, again, other = (to_numpy(layer(batch, training=True)) for layer in layers)
    keras.tree.map_structure(np.testing.assert_array_equal, first, again)
    following = to_numpy(layers[0](batch, training=True))
    for different in (other, following):
        gap = np.abs(first["images"] - different["images"])
        assert np.mean(gap.mean(axis=(1, 2, 3)) > 5) > 0.8


@pytest.mark.parametrize(
    ("augmenter", "arguments"),
    [
        (LocalizationAugmenter, {"area_range": (0.2, 0.6)}),
        (LocalizationAugmenter, {"area_range": (0.5, 1.0)}),
        (LocalizationAugmenter, {"area_range": (1.0, 3.0)}),
        (DetectionAugmenter, {"mosaic_rate": 0.0}),
        (DetectionAugmenter, {"mosaic_rate": 0.6}),
        (DetectionAugmenter, {"mosaic_rate": 1.0}),
    ],
)
def test_boxes_follow_their_objects_to_the_pixel(augmenter, arguments):
    num_listed = num_seen = 0
    for seed in range(3):
        batch = draw_batch(seed=seed)

        def build_layer(seed=seed):
            return augmenter(80, min_visible_share=0.4, seed=seed, **arguments, **PLAIN)

        boxes = batch["bounding_boxes"]
        found = find_each(build_layer, boxes, HEIGHT, WIDTH, training=True)
        result = listed(build_layer()(batch, training=True))
        for objects, seen in zip(result, found, strict=True):
            num_seen, num_listed = num_seen + len(seen), num_listed + len(objects)
            for number, box in objects.items():
                np.testing.assert_allclose(box, seen[number], atol=1.0)
                assert box.min() >= 0.0 and box.max() <= 80.0
        if augmenter is LocalizationAugmenter:  # its main object is the largest
            sides = boxes["boxes"][:-1, :, 2:] - boxes["boxes"][:-1, :, :2]
            largest = sides.prod(-1).argmax(axis=1)
            main = boxes["classes"][np.arange(len(largest)), largest]
            assert all(name in kept for name, kept in zip(main, result, strict=False))
    # Some were cut off by more than the rest that is asked for, but not many.
    assert 0.6 * num_seen < num_listed <= num_seen


@pytest.mark.parametrize("augmenter", AUGMENTERS)
def test_an_object_is_dropped_only_where_little_of_it_is_seen(augmenter):
    batch = draw_batch(60, 3)
    arguments = {"area_range": (0.3, 0.5), "seed": 1, **PLAIN}
    strict, loose = (
        listed(
            augmenter(64, min_visible_share=share, **arguments)(batch, training=True)
        )
        for share in (0.6, 0.05)
    )
    dropped = []
    for few, many in zip(strict, loose, strict=True):
        assert set(few) <= set(many)
        for number in few:
            np.testing.assert_array_equal(few[number], many[number])
        dropped += [many[number] for number in set(many) - set(few)]
    assert len(dropped) > 20
    # An object is at least 12 pixels long, hence 17 of the view's: little is left.
    least = [np.min(box[2:] - box[:2]) for box in dropped]
    assert min(least) < 5.0


@pytest.mark.parametrize(
    ("layer", "call_arguments"),
    [
        (LocalizationAugmenter(**ARGUMENTS), {"training": True}),
        (DetectionAugmenter(**ARGUMENTS, mosaic_rate=0.8), {"training": True}),
        (RandomBoxCrop(24, (0.2, 0.4), (0.9, 1.1), 0.6, 0.2, "random", seed=3), {}),
        (RandomMosaic(0.7, (0.2, 0.3), seed=4), {}),
    ],
    ids=["localization", "detection", "crop", "mosaic"],
)
def test_layer_reloads_with_its_arguments(layer, call_arguments):
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    batch = draw_batch()
    results = [to_numpy(part(batch, **call_arguments)) for part in (layer, again)]
    keras.tree.map_structure(np.testing.assert_array_equal, *results)


@pytest.mark.parametrize("augmenter", AUGMENTERS)
def test_images_without_a_slot_for_boxes_are_cropped_anywhere(augmenter):
    images = tiny.draw_photos(3, size=24)
    objects = {"boxes": np.zeros((3, 0, 4)), "classes": np.zeros((3, 0))}
    layer = augmenter(16, seed=0)
    result = layer({"images": images, "bounding_boxes": objects}, training=True)
    assert result["bounding_boxes"]["boxes"].shape == (3, 0, 4)
    assert np.isfinite(result["images"]).all() and np.std(result["images"]) > 1
