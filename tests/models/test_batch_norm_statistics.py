import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.models.batch_norm_statistics import recalibrate_batch_norm
from tests import tiny


def statistics_of(model, name):
    layer = model.get_layer(name)
    parts = layer.moving_mean, layer.moving_variance
    return [ops.convert_to_numpy(part) for part in parts]


def naive_statistics(images, convolution):
    """Mean and variance of each channel over all cells of all images, by loops."""
    maps = ops.convert_to_numpy(convolution(images / 127.5 - 1))
    found = []
    for channel in range(maps.shape[-1]):
        values = [
            float(maps[i, row, column, channel])
            for i in range(maps.shape[0])
            for row in range(maps.shape[1])
            for column in range(maps.shape[2])
        ]
        mean = sum(values) / len(values)
        found.append((mean, sum((v - mean) ** 2 for v in values) / len(values)))
    return np.array(found).T


@pytest.mark.parametrize("size", [4, 12])
def test_statistics_are_those_of_all_images_however_they_are_batched(size):
    model = tiny.build_backbone(16, channels=8)
    images = tiny.draw_photos(12, size=16)
    # Means of batches must differ for the variance of means to matter.
    images = (images * np.linspace(0.2, 1, 12)[:, None, None, None]).astype("uint8")
    momentum = model.get_layer("norm_0").momentum
    recalibrate_batch_norm(model, np.split(images, 12 // size))
    expected = naive_statistics(images.astype("float32"), model.get_layer("conv_0"))
    np.testing.assert_allclose(
        statistics_of(model, "norm_0"), expected, rtol=1e-4, atol=1e-5
    )
    assert model.get_layer("norm_0").momentum == momentum


def test_the_next_layer_is_normalized_in_prediction():
    model = tiny.build_backbone(16, channels=8)
    images = tiny.draw_photos(12, size=16)
    recalibrate_batch_norm(model, [images])
    seen = keras.Model(model.input, model.get_layer("norm_1").output)(images)
    seen = ops.convert_to_numpy(seen)
    np.testing.assert_allclose(seen.mean(axis=(0, 1, 2)), 0.0, atol=1e-4)


@pytest.mark.parametrize("how", ["frozen backbone", "frozen statistics"])
def test_layers_that_do_not_learn_keep_their_statistics_bit_for_bit(how):
    model = tiny.build_detector(freeze_batch_norm=how == "frozen statistics")
    tiny.randomize(model)
    model.backbone.trainable = how == "frozen statistics"
    before = [w.numpy() if hasattr(w, "numpy") else w for w in model.get_weights()]
    images = tiny.detection_batch(6)["images"]
    recalibrate_batch_norm(model, np.split(images, 3))
    moved = [
        weight.path
        for weight, old, new in zip(
            model.weights, before, model.get_weights(), strict=True
        )
        if not np.array_equal(old, new)
    ]
    assert moved
    assert all("moving" in path and "norm_" not in path for path in moved), moved
