"""`MultiCropAugmenter`: global and local views, boxes and flips against loops."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.boxes import box_areas
from ssl_voc.layers import MultiCropAugmenter, SimCLRAugmenter
from tests import reference, tiny
from tests.layers.simclr_views import ALL_ARGUMENTS, PLAIN


def test_views_come_from_the_boxes_and_flips_that_are_reported():
    images = tiny.draw_photos(5, size=18)
    drawn = MultiCropAugmenter(12, num_local=3, seed=1, **PLAIN)(images)
    assert [view.shape[1] for view in drawn["views"]] == [12, 12, 6, 6, 6]
    flipped = set()
    for views in zip(*drawn.values(), strict=True):
        view, boxes, flips = map(ops.convert_to_numpy, views)
        for image, box, flip, own in zip(images, boxes, flips, view, strict=True):
            crop = reference.crop_and_resize(np.float32(image), box, own.shape[:2])
            np.testing.assert_allclose(own, crop[:, ::-1] if flip else crop, atol=2e-2)
            flipped.add((len(own), bool(flip)))
    assert flipped == {(12, False), (12, True), (6, False), (6, True)}


def test_local_views_show_small_parts_and_global_ones_large_parts():
    images = np.zeros((200, 8, 8, 3), "uint8")
    boxes = MultiCropAugmenter(8, seed=0, **PLAIN)(images)["boxes_rel_xyxy"]
    areas = [ops.convert_to_numpy(box_areas(each)) for each in boxes]
    assert len(areas) == 6
    for area in areas[:2]:
        assert 0.29 < area.min() < 0.35 and area.max() > 0.9
    for area in areas[2:]:
        assert 0.049 < area.min() < 0.07 and 0.27 < area.max() < 0.301
    # Every local view of an image draws its own.
    assert abs(np.corrcoef(areas[2], areas[3])[0, 1]) < 0.25


def test_blur_is_scaled_to_the_size_of_the_view_also_when_it_changes():
    augmenter = MultiCropAugmenter(20, blur_rate=0.5, blur_sigma_range=(0.4, 0.8))
    assert augmenter.local_view.blur_sigma_range == (0.2, 0.4)
    augmenter.set_image_size(30)
    views = augmenter(tiny.draw_photos(2, size=36))["views"]
    assert [view.shape[1] for view in views] == [30, 30, 15, 15, 15, 15]
    assert augmenter.local_view.blur_sigma_range == pytest.approx((0.3, 0.6))


def test_augmenter_made_from_its_config_draws_the_same_and_locals_share_arguments():
    images = tiny.draw_photos(8, size=12)
    augmenter = MultiCropAugmenter(
        **ALL_ARGUMENTS, num_local=2, local_area_range=(0.1, 0.2)
    )
    for name in ("aspect_range", "flip_rate", "color_strength", "solarize_rate"):
        assert getattr(augmenter.local_view, name) == ALL_ARGUMENTS[name]
    expected = augmenter(images)
    config = keras.saving.serialize_keras_object(augmenter)
    again = keras.saving.deserialize_keras_object(config)(images)
    for name, views in again.items():
        for view, other in zip(views, expected[name], strict=True):
            np.testing.assert_array_equal(view, other)


def test_global_views_are_those_of_simclr():
    images = tiny.draw_photos(4, size=12)
    views = MultiCropAugmenter(**ALL_ARGUMENTS)(images)["views"]
    for view, other in zip(
        views, SimCLRAugmenter(**ALL_ARGUMENTS)(images)["views"], strict=False
    ):
        np.testing.assert_array_equal(view, other)


def test_symbolic_output_is_of_the_real_shapes_and_types():
    symbolic = MultiCropAugmenter(8)(keras.Input((10, 10, 3), batch_size=2))
    drawn = MultiCropAugmenter(8)(tiny.draw_photos(2, size=10))
    assert symbolic.keys() == drawn.keys()
    for name, views in drawn.items():
        for view, spec in zip(views, symbolic[name], strict=True):
            assert tuple(view.shape) == tuple(spec.shape)
            assert keras.backend.standardize_dtype(view.dtype) == spec.dtype
