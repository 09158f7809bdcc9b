"""Quality measures of one heat map against the object's box.

A map of zeros says nothing: it points nowhere in particular and is treated as a map
that is the same everywhere, except that it covers nothing.
"""

import numpy as np
from scipy.stats import rankdata

# Of the map's maximum: where the map is said to be high.
HIGH = 0.5


def box_weights(shape, box):
    """The share of each pixel that lies inside a box.

    Args:
        shape: `(height, width)` in pixels.
        box: xyxy in pixels; what reaches beyond the image counts nothing.

    Returns:
        Float64 array `(height, width)` in `[0, 1]`; its sum is the box's area.
    """
    sides = []
    for low, high, size in ((box[1], box[3], shape[0]), (box[0], box[2], shape[1])):
        starts = np.arange(size, dtype="float64")
        inside = np.minimum(starts + 1, high) - np.maximum(starts, low)
        sides.append(np.clip(inside, 0.0, 1.0))
    return sides[0][:, None] * sides[1]


def measure_map(heat, box):
    """Compares a map with the box of the object that it should show.

    Args:
        heat: Array `(height, width)`, finite and not negative, of the photo alone,
            without padding.
        box: xyxy in pixels of the map; it must share area with the image.

    Returns:
        Dictionary of floats in `[0, 1]`: `"pointing"`, whether the map's maximum lies
        in the box (the share of equal maxima that do); `"energy"`, the share of the
        map's sum inside the box; `"box_share"`, that of the area, which is what both
        are for a map that knows nothing; `"coverage"`, the share of the box where the
        map is above half its maximum; `"spill"`, that share of the rest of the photo.

    Raises:
        ValueError: when the map cannot be measured.

    References:
        - [Zhang et al., 2016](https://arxiv.org/abs/1608.00507), pointing game (here
          without its tolerance of 15 pixels)
        - [Wang et al., 2020](https://arxiv.org/abs/1910.01279), energy inside
    """
    heat = np.asarray(heat, "float64")
    if heat.ndim != 2 or not np.isfinite(heat).all() or (heat < 0).any():
        raise ValueError(
            "`heat` must be a finite map (height, width) that is not negative. "
            f"Received: shape={heat.shape}"
        )
    inside = box_weights(heat.shape, box)
    area = inside.sum()
    if not area > 0:
        raise ValueError(
            f"`box` must share area with the map. Received: {tuple(box)} for a map of "
            f"{heat.shape[1]} x {heat.shape[0]} pixels"
        )
    highest = heat.max()
    is_empty = not highest > 0
    high = (heat > HIGH * highest).astype("float64")
    if is_empty:
        heat, highest = np.ones_like(heat), 1.0
    is_highest = heat == highest
    rest = heat.size - area
    return {
        "pointing": float(inside[is_highest].mean()),
        "energy": float((inside * heat).sum() / heat.sum()),
        "box_share": float(area / heat.size),
        "coverage": float((inside * high).sum() / area),
        "spill": float(((1 - inside) * high).sum() / rest) if rest > 1e-9 else np.nan,
    }


def rank_correlation(a, b):
    """Spearman's correlation of two maps: 1 where they rank all cells alike.

    Args:
        a: Array of any shape.
        b: Array of the same shape.

    Returns:
        Float in `[-1, 1]`, equal values sharing their mean rank; 0 where one of the
        maps is the same everywhere, which says nothing about the other.
    """
    ranks = [rankdata(values, axis=None) for values in (a, b)]
    a, b = (values - values.mean() for values in ranks)
    norm = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / norm) if norm > 0 else 0.0
