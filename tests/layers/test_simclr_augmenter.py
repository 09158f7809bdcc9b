"""`SimCLRAugmenter`: views, boxes and flips against loops."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import SimCLRAugmenter
from tests import reference, tiny
from tests.layers.simclr_views import (
    ALL_ARGUMENTS,
    PLAIN,
    assert_views_are_their_crops,
    draw,
)


def test_views_come_from_the_boxes_and_flips_that_are_reported():
    images = tiny.draw_photos(5, size=14)[:, :12]
    drawn = draw(SimCLRAugmenter(8, seed=1, **PLAIN), images)
    assert drawn["views"].shape == (10, 8, 8, 3)
    assert 0 < drawn["flips"].sum() < 10
    assert_views_are_their_crops(drawn, images)


def test_views_of_another_size_are_those_of_an_augmenter_of_that_size():
    images = tiny.draw_photos(3, size=20)
    changed = {**ALL_ARGUMENTS, "image_size": 18, "blur_sigma_range": (0.8, 1.4)}
    augmenter = SimCLRAugmenter(**ALL_ARGUMENTS)
    augmenter.set_image_size(18)
    drawn, expected = draw(augmenter, images), draw(SimCLRAugmenter(**changed), images)
    for name, values in expected.items():
        np.testing.assert_allclose(drawn[name], values, rtol=1e-5, err_msg=name)
    assert augmenter.get_config()["image_size"] == 18


def test_a_blur_that_follows_the_size_still_does_when_made_from_its_config():
    augmenter = SimCLRAugmenter(112, blur_rate=0.5)
    augmenter.set_image_size(168)
    again = SimCLRAugmenter.from_config(augmenter.get_config())
    assert again.distortions[-1].sigma_range == (0.1, 1.5)
    again.set_image_size(224)
    assert again.distortions[-1].sigma_range == (0.1, 2.0)


def test_distortions_are_those_of_the_loops_in_simclr_s_order():
    images = tiny.draw_photos(3, size=10).astype("float32")
    drawn = draw(SimCLRAugmenter(**ALL_ARGUMENTS), images)
    # This one draws the same numbers, one after another, from the one generator.
    same = SimCLRAugmenter(**ALL_ARGUMENTS)
    boxes = ops.convert_to_numpy(same.crop.draw_boxes(6, 10, 10))
    placeholder = np.zeros((6, 1, 1, 1), "float32")
    flips = ops.convert_to_numpy(same.flip.draw_flips(placeholder)).ravel()
    jitter, grayscale, blur, solarize = same.distortions
    factors = jitter.draw_factors(6)
    gray = ops.convert_to_numpy(grayscale.draw_applied(placeholder, 0.4)).ravel()
    sigmas = ops.convert_to_numpy(blur.draw_sigmas(6))
    solarized = ops.convert_to_numpy(solarize.draw_applied(placeholder, 0.5)).ravel()
    assert 0 < gray.sum() < 6 and 0 < solarized.sum() < 6 and 0 < (sigmas > 0).sum() < 6
    np.testing.assert_array_equal(drawn["boxes_rel_xyxy"], boxes)
    np.testing.assert_array_equal(drawn["flips"], flips)
    for i in range(6):
        view = reference.crop_and_resize(images[i % 3], boxes[i], (9, 9))
        view = view[:, ::-1] if flips[i] else view
        values = {name: float(drawn[i]) for name, drawn in factors.items()}
        view = reference.color_jitter(view, **values)
        if gray[i]:
            lumas = [[reference.luma(pixel) for pixel in row] for row in view]
            view = np.repeat(np.array(lumas)[..., None], 3, axis=-1)
        view = reference.gaussian_blur(view, float(sigmas[i]))
        if solarized[i]:
            # Interpolation leaves values beside the threshold on either side of it.
            near = np.abs(view - 128) < 0.05
            view = np.where(view >= 128, 255 - view, view)
            assert near.mean() < 0.05
            view = np.where(near, drawn["views"][i], view)
        np.testing.assert_allclose(drawn["views"][i], view, atol=5e-2)


def test_the_two_views_of_an_image_and_of_equal_images_differ():
    images = np.repeat(tiny.draw_photos(1, size=20), 4, axis=0)
    views = draw(SimCLRAugmenter(16, seed=0), images)["views"].reshape(8, -1)
    distances = np.abs(views[:, None] - views[None]).mean(axis=-1)
    assert distances[~np.eye(8, dtype=bool)].min() > 1.0


def test_seed_determines_the_views_and_every_call_draws_anew():
    images = tiny.draw_photos(3, size=20)
    augmenter = SimCLRAugmenter(16, seed=3)
    first = draw(augmenter, images)
    again = draw(SimCLRAugmenter(16, seed=3), images)
    for name, value in first.items():
        np.testing.assert_array_equal(again[name], value)
    assert not np.array_equal(draw(augmenter, images)["views"], first["views"])
    other = draw(SimCLRAugmenter(16, seed=4), images)
    assert not np.array_equal(other["boxes_rel_xyxy"], first["boxes_rel_xyxy"])


def test_boxes_and_flips_are_drawn_for_each_view_alone():
    images = tiny.draw_photos(200, size=8)
    drawn = draw(SimCLRAugmenter(4, seed=0, **PLAIN), images)
    boxes_a, boxes_b = np.split(drawn["boxes_rel_xyxy"], 2)
    assert abs(np.corrcoef(boxes_a[:, 0], boxes_b[:, 0])[0, 1]) < 0.25
    flips_a, flips_b = np.split(drawn["flips"], 2)
    assert (flips_a == flips_b).mean() == pytest.approx(0.5, abs=0.15)


def test_augmenter_made_from_its_config_draws_the_same():
    images = tiny.draw_photos(8, size=12)
    augmenter = SimCLRAugmenter(**ALL_ARGUMENTS)
    expected = draw(augmenter, images)
    config = keras.saving.serialize_keras_object(augmenter)
    assert ALL_ARGUMENTS.items() <= config["config"].items()
    again = keras.saving.deserialize_keras_object(config)
    for name, value in draw(again, images).items():
        np.testing.assert_array_equal(value, expected[name])


def test_defaults_are_those_of_simclr():
    # A blur of 0.1 to 2.0 is for 224 pixels.
    for size, sigmas in {224: (0.1, 2.0), 112: (0.1, 1.0), 8: (0.1, 0.2)}.items():
        *_, blur = SimCLRAugmenter(size, blur_rate=0.5).distortions
        assert blur.sigma_range == sigmas
    for strength in (1.0, 0.5):
        jitter = SimCLRAugmenter(8, color_strength=strength).distortions[0]
        strengths = (jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)
        expected = np.array([0.8, 0.8, 0.8, 0.2]) * strength
        assert strengths == pytest.approx(expected)


@pytest.mark.parametrize("distortions", [{}, PLAIN, {"solarize_rate": 1.0}])
def test_white_and_black_stay_inside_the_range_of_pixels(distortions):
    images = np.zeros((32, 24, 24, 3), "uint8")
    images[::2] = 255
    views = draw(SimCLRAugmenter(17, seed=0, **distortions), images)["views"]
    assert views.min() >= 0.0 and views.max() <= 255.0


def test_symbolic_output_is_of_the_real_shapes_and_types():
    symbolic = SimCLRAugmenter(8)(keras.Input((10, 10, 3), batch_size=2))
    drawn = SimCLRAugmenter(8)(tiny.draw_photos(2, size=10))
    assert symbolic.keys() == drawn.keys()
    for name, views in drawn.items():
        for view, spec in zip(views, symbolic[name], strict=True):
            assert tuple(view.shape) == tuple(spec.shape)
            assert keras.backend.standardize_dtype(view.dtype) == spec.dtype
    unknown = SimCLRAugmenter(8)(keras.Input((10, 10, 3)))
    assert [view.shape for view in unknown["views"]] == [(None, 8, 8, 3)] * 2


@pytest.mark.slow
def test_everything_compiles_under_xla():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("compiles by tf.function")
    images = tiny.draw_photos(3, size=14)
    plain = SimCLRAugmenter(8, seed=1, **PLAIN)
    drawn = draw(tf.function(plain, jit_compile=True), images)
    assert_views_are_their_crops(drawn, images)
    distorted = SimCLRAugmenter(8, blur_rate=1.0, solarize_rate=0.5, seed=1)
    views = draw(tf.function(distorted, jit_compile=True), images)["views"]
    assert np.isfinite(views).all() and views.min() >= 0 and views.max() <= 255
    assert len(np.unique(views.reshape(6, -1), axis=0)) == 6
