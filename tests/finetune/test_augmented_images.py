import numpy as np
import pytest
from keras import ops

import pipelines
from ssl_voc.finetune.augmented_images import AugmentedImages, draw_batches
from ssl_voc.layers import LocalizationAugmenter
from tests import tiny


def images_of(batches):
    return [ops.convert_to_numpy(images) for images in batches]


def test_photos_are_augmented_alike_whatever_was_drawn_before(tmp_path):
    tree = tiny.write_voc(tmp_path / "voc", 6, size=32)
    pool = pipelines.prepare_labeled(tree, 32, main_object_only=True)
    model = tiny.build_localizer(augmenter=LocalizationAugmenter(32, seed=0))
    parts = [np.array([4, 0]), np.array([1, 5])]
    batches = AugmentedImages(pool, parts, model, seed=3)
    first = images_of(batches)
    model.augmenter(tiny.labeled_batch(4, 32), training=True)
    for one, again in zip(first, images_of(batches), strict=True):
        np.testing.assert_array_equal(one, again)
    other = images_of(AugmentedImages(pool, parts, model, seed=4))
    for part, one, drawn in zip(parts, first, other, strict=True):
        assert one.shape == (2, 32, 32, 3)
        assert np.abs(one - pool.gather(part)["images"]).max() > 10
        assert np.abs(one - drawn).max() > 10


@pytest.mark.parametrize(
    ("num_photos", "batch_size", "expected"), [(7, 3, 2), (3, 3, 1), (1000, 100, 2)]
)
def test_batches_are_whole_and_of_a_sample(num_photos, batch_size, expected):
    batches = draw_batches(num_photos, batch_size, seed=0)
    assert [len(batch) for batch in batches] == [batch_size] * expected
    drawn = np.concatenate(batches)
    assert len({*drawn}) == len(drawn) and drawn.max() < num_photos
    again = np.concatenate(draw_batches(num_photos, batch_size, seed=0))
    np.testing.assert_array_equal(drawn, again)
