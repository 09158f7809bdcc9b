"""Choice of photos that show a data set: of every source and class."""

import itertools

import numpy as np

from pipelines.photos.label_subsets import stratum
from pipelines.photos.photo import Photos


def choose_varied(photos: Photos, number: int, seed: int = 0) -> np.ndarray:
    """Indices of photos to show: each source and class in turn, drawn by a seed.

    Args:
        photos: `Photos`.
        number: Number of photos, at most.
        seed: Seed of the draw within a source and class.

    Returns:
        Integer array of at most `number` different indices.
    """
    groups: dict[tuple, list[int]] = {}
    for index in np.random.default_rng(seed).permutation(len(photos)):
        photo = photos[int(index)]
        groups.setdefault((photo.source, str(stratum(photo))), []).append(int(index))
    turns = itertools.zip_longest(*(groups[key] for key in sorted(groups)))
    chosen = [index for turn in turns for index in turn if index is not None]
    return np.array(chosen[:number], "int64")
