"""`OverlappingViewsAugmenter`: second crops that overlap the first."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.boxes import box_ious
from ssl_voc.layers import OverlappingViewsAugmenter
from tests import tiny
from tests.layers.simclr_views import PLAIN, assert_views_are_their_crops, draw


def overlaps(num_images=400, **arguments):
    images = np.zeros((num_images, 8, 8, 3), "uint8")
    augmenter = OverlappingViewsAugmenter(8, seed=0, **PLAIN, **arguments)
    boxes = augmenter(images)["boxes_rel_xyxy"]
    return box_ious(*map(ops.convert_to_numpy, boxes))


def test_every_second_crop_overlaps_the_first():
    small = {"area_range": (0.1, 0.4)}
    assert (overlaps(min_iou=0.0, **small) < 0.15).mean() > 0.2
    assert (overlaps(min_iou=0.15, **small) < 0.15).mean() < 0.03


def test_the_first_crop_that_overlaps_enough_is_taken_else_the_most_overlapping():
    augmenter = OverlappingViewsAugmenter(8, min_iou=0.5, seed=2)
    images = np.zeros((60, 8, 8, 3), "float32")
    boxes = ops.convert_to_numpy(augmenter.draw_boxes(np.concatenate([images] * 2)))
    # This one draws the same numbers.
    crop = OverlappingViewsAugmenter(8, seed=2).crop
    boxes_a = ops.convert_to_numpy(crop.draw_boxes(30 * 2, 8, 8))
    candidates = ops.convert_to_numpy(crop.draw_boxes(60 * 8, 8, 8)).reshape(60, 8, 4)
    np.testing.assert_array_equal(boxes[:60], boxes_a)
    kinds = set()
    for box_a, box_b, drawn in zip(boxes_a, boxes[60:], candidates, strict=True):
        ious = [float(box_ious(box_a, box)) for box in drawn]
        enough = [index for index, iou in enumerate(ious) if iou >= 0.5]
        chosen = enough[0] if enough else int(np.argmax(ious))
        np.testing.assert_array_equal(box_b, drawn[chosen])
        kinds.add(bool(enough))
    assert kinds == {True, False}


def test_views_are_the_crops_that_are_reported():
    images = tiny.draw_photos(6, size=14)
    drawn = draw(OverlappingViewsAugmenter(8, seed=1, **PLAIN), images)
    assert_views_are_their_crops(drawn, images)


def test_augmenter_made_from_its_config_draws_the_same():
    images = tiny.draw_photos(4, size=12)
    augmenter = OverlappingViewsAugmenter(8, min_iou=0.6, area_range=(0.2, 0.5), seed=4)
    config = keras.saving.serialize_keras_object(augmenter)
    expected = draw(augmenter, images)
    again = draw(keras.saving.deserialize_keras_object(config), images)
    for name, values in again.items():
        np.testing.assert_array_equal(values, expected[name])


@pytest.mark.slow
def test_everything_compiles_under_xla():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("compiles by tf.function")
    images = tiny.draw_photos(3, size=14)
    compiled = tf.function(
        OverlappingViewsAugmenter(8, seed=1, **PLAIN), jit_compile=True
    )
    assert_views_are_their_crops(draw(compiled, images), images)
