"""Heat maps against loops over gradients in closed form."""

import keras
import numpy as np
import pytest
from keras import layers

import ssl_voc
from ssl_voc.heat_maps.grad_cam import METHODS
from ssl_voc.models.classifier import Classifier
from tests import tiny

SIDE = 16


@pytest.fixture(scope="module")
def photos():
    return tiny.draw_photos(3, size=SIDE)


def build_classifier():
    keras.utils.set_random_seed(1)
    model = Classifier(tiny.build_plain_backbone(SIDE), num_classes=4)
    model(np.zeros((1, SIDE, SIDE, 3), "float32"))
    return model


def map_by_loops(features, gradient, method):
    """The papers' sums, cell by cell and channel by channel."""
    cells = [*np.ndindex(features.shape[:2])]
    found = np.zeros(features.shape[:2])
    for k in range(features.shape[2]):
        total, weight = features[..., k].sum(), 0.0
        for cell in cells:
            g = gradient[cell][k]
            if method == "gradcam":
                weight += g / len(cells)
            elif method == "gradcam++" and g > 0:
                weight += g**2 / (2 * g**2 + total * g**3) * g
        for cell in cells:
            here = max(gradient[cell][k], 0) if method == "layercam" else weight
            found[cell] += here * features[cell][k]
    return np.maximum(found, 0.0)


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_those_of_loops_over_gradients(method, photos):
    backbone = tiny.build_plain_backbone(SIDE)
    features = keras.ops.convert_to_numpy(backbone(photos))
    weights = np.random.default_rng(3).normal(size=features.shape[1:])
    weights = weights.astype("float32")

    def score(outputs):  # its gradient differs from cell to cell
        total = keras.ops.sum(outputs * weights, axis=(1, 2, 3))
        squares = keras.ops.sum(outputs**2 * weights, axis=(1, 2, 3))
        return keras.ops.tanh(total) + 0.1 * squares

    options = {"upsample": False, "normalize": False, "batch_size": 2}  # then 1
    found = ssl_voc.grad_cam(backbone, photos, score, method=method, **options)
    expected = []
    for values in features:
        slope = 1 - np.tanh((values * weights).sum()) ** 2
        gradient = (slope + 0.2 * values) * weights
        expected.append(map_by_loops(values, gradient, method))
    assert np.max(expected) > 0
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-5)


def test_map_of_a_linear_model_on_mean_features_is_the_weighted_sum_of_channels(photos):
    model = build_classifier()
    features = keras.ops.convert_to_numpy(model.backbone(photos))
    kernel = keras.ops.convert_to_numpy(model.classify.kernel)
    classes = np.array([2, 0, 3])
    found = ssl_voc.grad_cam(model, photos, classes, upsample=False, normalize=False)
    # The mean's gradient is weight / cells at every cell.
    expected = np.einsum("brck,kb->brc", features, kernel[:, classes]) / 16
    assert (expected > 0).any() and (expected < 0).any()
    np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=1e-4, atol=1e-6)


def test_map_of_a_channel_that_sees_one_place_is_high_there():
    inputs = keras.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(1, 4, 4, use_bias=False, kernel_initializer="ones")(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(2, use_bias=False, kernel_initializer="ones")(x)
    model = keras.Model(inputs, outputs)
    images = np.zeros((3, SIDE, SIDE, 3), "uint8")
    images[0, 12:, :4] = 255
    images[1, :4, 8:12] = 99
    for method in METHODS:
        maps = ssl_voc.grad_cam(model, images, 1, method=method)
        assert maps.shape == (3, SIDE, SIDE) and maps.dtype == np.float32
        assert np.unravel_index(maps[0].argmax(), (SIDE, SIDE))[0] >= 12
        # Where no place speaks for the class, a map of zeros stays one.
        np.testing.assert_allclose(maps.max(axis=(1, 2)), [1.0, 1.0, 0.0])
        np.testing.assert_allclose(maps[1, 8:], 0.0, atol=1e-6)
        assert maps[1, 1:3, 9:11].min() > 0.4


def test_images_of_a_batch_and_the_model_stay_as_they_are(photos):
    model = build_classifier()
    before = model.get_weights(), keras.ops.convert_to_numpy(model(photos))
    together = ssl_voc.grad_cam(model, photos, 1)
    alone = [ssl_voc.grad_cam(model, photo[None], 1)[0] for photo in photos]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)
    assert ssl_voc.grad_cam(model, photos[:0], 1).shape == (0, SIDE, SIDE)
    with pytest.raises(ZeroDivisionError):
        ssl_voc.grad_cam(model, photos, lambda outputs: 1 / 0)
    for layer in model.backbone.layers:
        assert "call" not in vars(layer)
    for old, new in zip(before[0], model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(before[1], keras.ops.convert_to_numpy(model(photos)))


ENDS = {
    "logits": lambda x: x,
    "softmax": lambda x: layers.Softmax()(x),
    "operation": keras.ops.softmax,
    "sigmoid": keras.ops.sigmoid,
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("end", ["activation", "softmax", "operation", "sigmoid"])
def test_a_final_softmax_or_sigmoid_is_left_out_and_brought_back(photos, end, nested):
    logits, model = build_functional("logits"), build_functional(end)
    model.set_weights(logits.get_weights())
    if nested:
        first = [keras.Input((SIDE, SIDE, 3)), layers.Rescaling(1.0)]
        model = keras.Sequential([*first, model])
    expected = ssl_voc.grad_cam(logits, photos, 1, normalize=False)
    assert expected.max() > 0
    # Eagerly: a graph would replay what the model was when it was traced.
    before = keras.ops.convert_to_numpy(model(photos))
    found = ssl_voc.grad_cam(model, photos, 1, normalize=False)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model(photos)), before)
    if end != "sigmoid":
        np.testing.assert_allclose(before.sum(axis=1), 1.0, rtol=1e-5)


def build_functional(end):
    """A plain classifier on a nested backbone, with one of `ENDS` or an activation."""
    keras.utils.set_random_seed(4)
    backbone = tiny.build_plain_backbone(SIDE)
    inputs = keras.Input((SIDE, SIDE, 3))
    x = layers.GlobalAveragePooling2D()(backbone(inputs))
    if end == "activation":
        return keras.Model(inputs, layers.Dense(4, activation="softmax")(x))
    return keras.Model(inputs, ENDS[end](layers.Dense(4)(x)))


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"method": "cam"}, r"`method` .*gradcam\+\+, layercam.* 'cam'"),
        ({"images": np.zeros((SIDE, SIDE, 3))}, r"images.shape=\(16, 16, 3\)"),
        ({"batch_size": 0}, "`batch_size` .* 0"),
    ],
)
def test_arguments_out_of_range_are_refused(changes, names):
    arguments = {"images": np.zeros((1, SIDE, SIDE, 3)), "target": 0, **changes}
    with pytest.raises(ValueError, match=names):
        ssl_voc.grad_cam(build_classifier(), **arguments)
