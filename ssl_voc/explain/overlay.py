"""Heat maps blended into photos."""

import numpy as np
from PIL import Image

# Most that a map hides of its photo.
_OPACITY = 0.75


def overlay(pixels, heat):
    """A photo tinted by its map: untouched where the map is low.

    Args:
        pixels: uint8 `(height, width, 3)`.
        heat: Float array of any size, not negative; scaled by its maximum.

    Returns:
        uint8 `(height, width, 3)`.
    """
    import matplotlib

    height, width = pixels.shape[:2]
    scaled = Image.fromarray(np.asarray(heat, "float32"))
    scaled = np.asarray(scaled.resize((width, height), Image.Resampling.BILINEAR))
    scaled = np.clip(scaled / max(float(np.max(heat)), 1e-12), 0.0, 1.0)
    # Its dark end would look like shadow: begin above it.
    colors = matplotlib.colormaps["inferno"](0.25 + 0.75 * scaled)[..., :3] * 255
    opacity = (_OPACITY * scaled)[..., None]
    return np.round(pixels * (1 - opacity) + colors * opacity).astype("uint8")
