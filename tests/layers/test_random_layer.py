"""What holds for every augmentation."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import (
    LocalizationAugmenter,
    RandomColorJitter,
    RandomGaussianBlur,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomSolarize,
    SimCLRAugmenter,
    SingleViewAugmenter,
)
from tests import reference, tiny
from tests.dtype_policies import dtype_policy

# No argument is left at its default: a config that forgets one changes the result.
LAYERS = {
    "crop": (RandomResizedCrop, {"size": 9, "area_range": (0.1, 0.3)}),
    "aspect": (RandomResizedCrop, {"size": 9, "aspect_range": (0.2, 0.3)}),
    "flip": (RandomHorizontalFlip, {"rate": 0.7}),
    "jitter": (
        RandomColorJitter,
        {
            "brightness": 0.1,
            "contrast": 0.2,
            "saturation": 0.3,
            "hue": 0.05,
            "rate": 0.6,
        },
    ),
    "gray": (RandomGrayscale, {"rate": 0.6}),
    "blur": (RandomGaussianBlur, {"sigma_range": (0.5, 0.9), "rate": 0.7}),
    "solarize": (RandomSolarize, {"rate": 0.7, "threshold": 40.0}),
}
# Applied or not, by a coin; the others draw from a range.
COINS = {"flip", "gray", "solarize"}


@pytest.fixture(params=LAYERS)
def kind(request):
    """One of the augmentations."""
    return request.param


@pytest.fixture
def build(kind):
    """Returns `build(**arguments)` for one of the augmentations."""
    layer_class, arguments = LAYERS[kind]
    return lambda **more: layer_class(**{**arguments, "seed": 11, **more})


def call(layer, images, **arguments):
    return ops.convert_to_numpy(layer(images, **arguments))


def test_equal_images_of_a_batch_are_augmented_differently(kind, build):
    images = np.repeat(tiny.draw_photos(1, size=16), 16, axis=0)
    results = call(build(), images)
    distinct = np.unique(results.reshape(16, -1).round(2), axis=0)
    assert len(distinct) > (1 if kind in COINS else 5)


def test_seed_determines_the_draws_and_every_call_draws_anew(build):
    images = tiny.draw_photos(16, size=16)
    layer, twin, other = build(), build(), build(seed=12)
    first = call(layer, images)
    np.testing.assert_array_equal(call(twin, images), first)
    assert not np.array_equal(call(other, images), first)
    assert not np.array_equal(call(layer, images), first)


def test_shape_is_told_without_a_call(build):
    layer, shape = build(), (None, 16, 12, 3)
    expected = layer.compute_output_spec(keras.KerasTensor(shape)).shape
    assert layer.compute_output_shape(shape) == expected


def test_shapes_of_augmenters_are_those_of_their_views():
    shape, views = (2, 16, 12, 3), (2, 8, 8, 3)
    assert SingleViewAugmenter(8).compute_output_shape(shape) == views
    assert SimCLRAugmenter(8).compute_output_shape(shape)["views"] == [views] * 2
    with pytest.raises(NotImplementedError):
        LocalizationAugmenter(8).compute_output_shape({"images": shape})


def test_config_has_the_arguments_that_a_subclass_passes_on():
    class Named(LocalizationAugmenter):
        def __init__(self, image_size, **kwargs):
            super().__init__(image_size, **kwargs)

    class Passed(Named):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    given = {"image_size": 8, "flip_rate": 0.9, "seed": 3, "name": "augmenter"}
    expected = LocalizationAugmenter(**given).get_config()
    for layer_class in (Named, Passed):
        config = layer_class(**given).get_config()
        assert config == expected
        assert layer_class.from_config(config).get_config() == expected


def test_layer_made_from_its_config_computes_the_same(build):
    images = tiny.draw_photos(16, size=16)
    layer = build(name="augmentation")
    expected = call(layer, images)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    np.testing.assert_array_equal(call(again, images), expected)
    assert again.name == "augmentation"


def test_layers_that_shared_a_generator_come_back_with_draws_of_their_own():
    shared = keras.random.SeedGenerator(3)
    flip = RandomHorizontalFlip(0.5, seed=shared)
    flip, solarize = (
        layer.from_config(layer.get_config())
        for layer in (flip, RandomSolarize(0.5, seed=shared))
    )
    images = np.zeros((64, 8, 8, 3), "float32")
    draws = [
        ops.convert_to_numpy(x.draw_applied(images, 0.5)) for x in (flip, solarize)
    ]
    assert 0 < np.mean(draws[0] == draws[1]) < 1


def test_integers_and_floats_give_the_same_float32_in_the_range_of_pixels(build):
    images = tiny.draw_photos(16, size=16)
    result = call(build(), images)
    assert result.dtype == np.float32
    assert result.min() >= 0.0 and result.max() <= 255.0
    np.testing.assert_array_equal(call(build(), images.astype("float32")), result)


def test_draws_do_not_depend_on_training(build):
    images = tiny.draw_photos(16, size=16)
    model = keras.Sequential([keras.Input((16, 16, 3)), build()])
    twin = keras.Sequential([keras.Input((16, 16, 3)), build()])
    training = call(model, images, training=True)
    np.testing.assert_array_equal(call(twin, images, training=False), training)
    assert not np.array_equal(training[:, :9, :9], images[:, :9, :9])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_arithmetic_is_float32_under_every_policy(build, policy):
    images = tiny.draw_photos(16, size=16)
    expected = call(build(), images)
    with dtype_policy(policy):
        result = call(build(), images)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    "layer_class",
    [
        RandomHorizontalFlip,
        RandomGrayscale,
        RandomGaussianBlur,
        RandomSolarize,
        RandomColorJitter,
    ],
)
def test_rates_are_the_share_of_images_changed(layer_class):
    images = np.repeat(tiny.draw_photos(1, size=4), 2000, axis=0)
    images = images.astype("float32")
    result = call(layer_class(rate=0.3, seed=0), images)
    changed = np.abs(result - images).max(axis=(1, 2, 3)) > 1e-3
    assert changed.mean() == pytest.approx(0.3, abs=0.04)


def as_gray(image):
    """Every pixel's luma, three times."""
    return np.apply_along_axis(reference.luma, 2, image)[..., None].repeat(3, axis=2)


@pytest.mark.parametrize(
    ("layer", "draw", "change"),
    [
        (RandomGrayscale, lambda layer, _: layer.draw_applied(_, 0.5), as_gray),
        (
            RandomHorizontalFlip,
            RandomHorizontalFlip.draw_flips,
            lambda image: image[:, ::-1],
        ),
        (
            RandomSolarize,
            lambda layer, _: layer.draw_applied(_, 0.5),
            lambda image: np.where(image >= 128, 255 - image, image),
        ),
    ],
)
def test_chosen_images_are_changed_pixel_by_pixel_and_others_kept(layer, draw, change):
    images = tiny.draw_photos(6, size=5)[:, :4].astype("float32")
    chosen = ops.convert_to_numpy(draw(layer(0.5, seed=2), images)).ravel()
    assert 0 < chosen.sum() < 6
    for image, applied, shown in zip(
        images, chosen, call(layer(0.5, seed=2), images), strict=True
    ):
        expected = change(image) if applied else image
        np.testing.assert_allclose(shown, expected, rtol=0, atol=1e-3)


def test_a_pixel_at_the_threshold_is_solarized():
    pixels = np.array([127.0, 128.0, 129.0], "float32").reshape(1, 1, 1, 3)
    result = call(RandomSolarize(1.0, threshold=128.0), pixels)
    assert list(result.ravel()) == [127.0, 127.0, 126.0]
    assert call(RandomSolarize(1.0, threshold=100.0), pixels).max() == 128.0


@pytest.mark.parametrize(
    "layer",
    [RandomResizedCrop(17, seed=0), RandomGaussianBlur((0.1, 3.0), rate=1.0, seed=0)],
)
def test_white_stays_white_and_inside_the_range_of_pixels(layer):
    result = call(layer, np.full((64, 33, 29, 3), 255, "uint8"))
    assert result.max() <= 255.0
    assert result.min() > 254.99
