"""Checks on the views that a contrastive model is about to be trained on."""

import itertools

import numpy as np
from keras import ops

from ssl_voc.layers.random_color_jitter import LUMA
from ssl_voc.layers.resampling import crop_and_resize

# Sides in pixels at which a view may be compared with its crop: coarse, so that blur
# and interpolation do not matter.
_COMPARED_SIZES = (16, 8)
_NUM_TONES = 8
# Share of a view's variance that its crop explains: 0.9 and more for the true crop
# (under solarization too, which is why it is no correlation), about 0.3 for another.
_LEAST_EXPLAINED = 0.5
# The brightest pixel of a batch: night photos have a light somewhere.
_LEAST_BRIGHT = 32
# Share of the views that their origin must explain better than another place does. A
# coin that was reported wrongly gives 0.5.
_LEAST_AHEAD = 0.8


def audit_views(augmenter, images):
    """Draws one batch of views and checks that they can teach anything.

    Photos that are all nearly black teach nothing. Augmenters that did nothing, or gave
    every image the same crop, have gone unnoticed elsewhere for whole trainings.
    Checked are: finite, in `[0, 255]`, the views of an image differ, and each view
    shows its own image, at the crop box and flip that the augmenter reports. For that,
    the crop has to explain the brightness of the view, and to do so better than its
    mirror image, another view's box and other images' crops. Views under 8 pixels and
    blank images are not told apart.

    Args:
        augmenter: Layer such as `SimCLRAugmenter`.
        images: uint8 or float array `(batch, height, width, 3)` in `[0, 255]`, at least
            2 different images.

    Returns:
        The augmenter's dictionary, of lists of NumPy arrays.

    Raises:
        ValueError: naming the first check that failed.
    """
    _check_brightness(images)
    drawn = {
        name: [ops.convert_to_numpy(value) for value in values]
        for name, values in augmenter(images).items()
    }
    views = drawn["views"]
    if not all(np.all(np.isfinite(view)) for view in views):
        raise ValueError(
            "The views hold NaN or infinite values. Check the augmenter's ranges."
        )
    low, high = min(view.min() for view in views), max(view.max() for view in views)
    if low < 0.0 or high > 255.0:
        raise ValueError(
            f"The views leave [0, 255]: they span [{low:.1f}, {high:.1f}]. Check the "
            "augmenter's ranges."
        )
    for view_a, view_b in itertools.combinations(views, 2):
        if view_a.shape == view_b.shape:
            _check_difference(view_a, view_b, images)
    _check_origin(drawn, images)
    return drawn


def _check_brightness(images):
    """Raises if all images are nearly black."""
    brightest = float(np.max(images))
    if brightest < _LEAST_BRIGHT:
        raise ValueError(
            f"The photos are nearly black: of {len(images)} the brightest pixel is "
            f"{brightest:.0f} of 255, expected at least {_LEAST_BRIGHT} in one of "
            "them. Check the files: samples may use less than the range of their type."
        )


def _check_difference(view_a, view_b, images):
    """Raises if most images have two views that are one."""
    differences = np.abs(view_a - view_b).mean(axis=(1, 2, 3))
    # Whatever is cut out of a blank image looks alike.
    varied = np.asarray(images, "float32").std(axis=(1, 2)).max(axis=-1) > 1.0
    num_alike, num_varied = np.sum(differences[varied] < 1e-3), np.sum(varied)
    if num_alike > num_varied // 2:
        raise ValueError(
            f"{num_alike} of {num_varied} images have two identical views, from which "
            "nothing can be learned. Check that the augmenter crops or distorts."
        )


def _check_origin(drawn, images):
    """Raises unless the views look like the crops that they are said to be."""
    num_views = len(drawn["views"])
    smallest = min(view.shape[1] for view in drawn["views"])
    fitting = [side for side in _COMPARED_SIZES if side <= smallest]
    if not fitting:
        return
    side = fitting[0]
    boxes, flips = (np.concatenate(drawn[name]) for name in ("boxes_rel_xyxy", "flips"))
    repeated = np.concatenate([images] * num_views)
    whole = np.tile(np.array([0.0, 0.0, 1.0, 1.0], "float32"), (len(images), 1))
    upright = np.zeros(len(images), bool)
    views = np.concatenate(
        [_tones(view, whole, upright, side) for view in drawn["views"]]
    )
    own = _tones(repeated, boxes, flips, side)
    explained = _explained_share(views, own)
    told = np.std(own, axis=1) > 1.0
    typical = np.median(explained[told]) if np.any(told) else 1.0
    if typical < _LEAST_EXPLAINED:
        raise ValueError(
            "The views do not show their images at the crop boxes and flips that the "
            f"augmenter reports: a crop explains {typical:.0%} of the brightness of "
            f"its view, expected at least {_LEAST_EXPLAINED:.0%}."
        )
    next_image = np.roll(np.arange(len(repeated)), 1)
    other_view = np.roll(np.arange(len(repeated)), len(images))
    for name, other in (
        ("mirror images", _tones(repeated, boxes, ~flips, side)),
        ("another view's box", _tones(repeated, boxes[other_view], flips, side)),
        ("another image's crop", own[next_image]),
    ):
        # Where both places look the same, neither is ahead.
        apart = told & (_explained_share(own, other) < 0.8)
        ahead = explained[apart] > _explained_share(views, other)[apart]
        if len(ahead) and np.mean(ahead) < _LEAST_AHEAD:
            raise ValueError(
                "The views do not show their images at the crop boxes and flips that "
                f"the augmenter reports: {np.sum(~ahead)} of {len(ahead)} views look "
                f"more like {name}."
            )


def _tones(images, boxes_rel_xyxy, flips, side):
    """Luma of crops, float array `(batch, side * side)`."""
    crops = crop_and_resize(images.astype("float32"), boxes_rel_xyxy, (side, side))
    luma = np.sum(ops.convert_to_numpy(crops) * np.array(LUMA, "float32"), axis=-1)
    luma = np.where(flips[:, None, None], luma[:, :, ::-1], luma)
    return luma.reshape(len(luma), -1)


def _explained_share(views, crops):
    """Share of each view's variance between pixels of different tones in its crop.

    The correlation ratio, known from the registration of images: it is 1 for any map
    of tones, be it rising, falling or, as solarization, both.
    """
    # Ties in random order: blank parts of a crop shall explain nothing.
    ties = np.random.default_rng(0).random(crops.shape)
    order = np.lexsort((ties, crops), axis=1)
    by_tone = np.take_along_axis(views, order, axis=1)
    by_tone = by_tone.reshape(len(views), _NUM_TONES, -1)
    within = by_tone.var(axis=2).mean(axis=1)
    return 1.0 - within / np.maximum(views.var(axis=1), 1e-6)
