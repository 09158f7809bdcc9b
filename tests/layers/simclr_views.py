"""Settings of `SimCLRAugmenter`, and its views cut again in loops."""

import numpy as np
from keras import ops

from tests import reference

# Views that only crop and mirror.
PLAIN = {"color_rate": 0.0, "grayscale_rate": 0.0, "blur_rate": 0.0}
# Those of SimCLR for ImageNet.
STRONG = {"area_range": (0.08, 1.0), "color_strength": 1.0, "blur_rate": 0.5}
# No argument at its default.
ALL_ARGUMENTS = {
    "image_size": 9,
    "area_range": (0.3, 0.6),
    "aspect_range": (0.5, 0.8),
    "flip_rate": 0.7,
    "color_strength": 0.3,
    "color_rate": 0.6,
    "grayscale_rate": 0.4,
    "blur_rate": 0.6,
    "blur_sigma_range": (0.4, 0.7),
    "solarize_rate": 0.5,
    "seed": 21,
}


def draw(augmenter, images):
    """The augmenter's dictionary as NumPy arrays, view a before view b."""
    drawn = augmenter(images)
    return {
        name: ops.convert_to_numpy(ops.concatenate([view_a, view_b]))
        for name, (view_a, view_b) in drawn.items()
    }


def assert_views_are_their_crops(drawn, images):
    """Cuts every view again, in loops, from its image, box and flip."""
    size = drawn["views"].shape[1]
    doubled = np.concatenate([images, images]).astype("float32")
    origins = zip(doubled, drawn["boxes_rel_xyxy"], drawn["flips"], strict=True)
    for (image, box, flip), view in zip(origins, drawn["views"], strict=True):
        crop = reference.crop_and_resize(image, box, (size, size))
        np.testing.assert_allclose(view, crop[:, ::-1] if flip else crop, atol=2e-2)
