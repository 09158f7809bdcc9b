"""Refuses views that a contrastive model must not be trained on."""

import numpy as np
from keras import ops

from ssl_voc.layers.random_color_jitter import LUMA
from ssl_voc.layers.random_resized_crop import crop_and_resize

# Side in pixels at which a view is compared with its crop: coarse, so that blur and
# interpolation do not matter.
_COMPARED_SIZE = 16


def audit_views(augmenter, images):
    """Draws one batch of views and checks that they can teach anything.

    Augmenters that did nothing, or gave every image the same crop, have gone unnoticed
    elsewhere for whole trainings. Checked are: finite, in `[0, 255]`, the two views of
    an image differ, and each view shows its own image, at the crop box and flip that
    the augmenter reports (by correlation of luma, own crop against other images').

    Args:
        augmenter: Layer such as `SimCLRAugmenter`.
        images: uint8 or float array `(batch, height, width, 3)` in `[0, 255]`, at least
            2 different images.

    Returns:
        The augmenter's dictionary, as NumPy arrays.

    Raises:
        ValueError: naming the first check that failed.
    """
    drawn = {
        name: ops.convert_to_numpy(value) for name, value in augmenter(images).items()
    }
    views = drawn["views"]
    if not np.all(np.isfinite(views)):
        raise ValueError(
            "The views hold values that are not finite. Check the augmenter's ranges."
        )
    if views.min() < 0.0 or views.max() > 255.0:
        raise ValueError(
            "The views leave [0, 255]: they span "
            f"[{views.min():.1f}, {views.max():.1f}]. Check the augmenter's ranges."
        )
    views_a, views_b = np.split(views, 2)
    differences = np.abs(views_a - views_b).mean(axis=(1, 2, 3))
    num_alike = int(np.sum(differences < 1e-3))
    if num_alike > len(images) // 2:
        raise ValueError(
            f"{num_alike} of {len(images)} images have two identical views, from which "
            "nothing can be learned. Check that the augmenter crops or distorts, and "
            "that the images are not blank."
        )
    _check_origin(drawn, images)
    return drawn


def _check_origin(drawn, images):
    """Raises unless views correlate with their own crops better than with others'."""
    doubled = np.concatenate([images, images]).astype("float32")
    crops = ops.convert_to_numpy(
        crop_and_resize(doubled, drawn["boxes_rel_xyxy"], (_COMPARED_SIZE,) * 2)
    )
    flips = drawn["flips"][:, None, None, None]
    crops = np.where(flips, crops[:, :, ::-1], crops)
    size = drawn["views"].shape[1]
    whole = np.tile(np.array([0.0, 0.0, 1.0, 1.0], "float32"), (len(doubled), 1))
    views = ops.convert_to_numpy(
        crop_and_resize(drawn["views"], whole, (min(_COMPARED_SIZE, size),) * 2)
    )
    if views.shape != crops.shape:
        return  # Views of a few pixels: too small to tell one image from another.
    views, crops = _standard_luma(views), _standard_luma(crops)
    own = np.mean(views * crops, axis=1)
    # Solarized and blank views may correlate little: the bulk must not.
    others = np.mean(views * np.roll(crops, 1, axis=0), axis=1)
    if np.mean(np.abs(own)) < np.mean(np.abs(others)) + 0.1:
        raise ValueError(
            "The views do not show the images at the crop boxes that the augmenter "
            f"reports: mean correlation {np.mean(np.abs(own)):.2f} with their own "
            f"crops, {np.mean(np.abs(others)):.2f} with those of other images."
        )


def _standard_luma(images):
    luma = np.sum(images * np.array(LUMA, "float32"), axis=-1)
    luma = luma.reshape(len(images), -1)
    luma = luma - luma.mean(axis=1, keepdims=True)
    return luma / np.maximum(luma.std(axis=1, keepdims=True), 1e-6)
