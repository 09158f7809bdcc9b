"""Shortcut candidates: image regions that a class's heat prefers outside the boxes.

They are chosen on one half of the photos and tested on the other, so that choosing
needs no correction.
"""

import dataclasses
import warnings

import numpy as np
from scipy import ndimage
from scipy.cluster.vq import kmeans2

from ssl_voc.explain.shortcuts.scan import GRID, NUM_PATCHES
from ssl_voc.similarity import unit_vectors

NUM_CLUSTERS = 2
_LARGEST_REGION = 0.25  # share of the photo
_LEAST_FREE = 0.3  # share of a region that must lie outside the boxes
_MOST_CLUSTERS = 4


@dataclasses.dataclass(frozen=True)
class FixedRegion:
    """The same cells of every photo.

    Attributes:
        label: Index of the class.
        cells: Bool `(GRID, GRID)`.
    """

    label: int
    cells: np.ndarray
    kind = "region"

    def strength(self, scan):
        """Mean heat of the class there, `(n,)`; nan where boxes cover it."""
        free = scan.outside[:, self.cells].sum(axis=1)
        heat = scan.heat[:, self.label][:, self.cells].sum(axis=1)
        is_free = free >= _LEAST_FREE * self.cells.sum()
        return np.where(is_free, heat / np.maximum(free, 1e-9), np.nan)

    def energy(self, scan):
        """Share of each photo's map that lies there, outside the boxes, `(n,)`."""
        heat = scan.heat[:, self.label][:, self.cells].sum(axis=1)
        return heat / np.maximum(scan.energy[:, self.label], 1e-12)

    def mask(self, scan, photo, size):
        """Its pixels in a photo of `size`, and some around, bool `(height, width)`."""
        rows, columns = (np.arange(n) * GRID // n for n in size)
        return _widened(self.cells[rows][:, columns], scan.reach)

    def describe(self):
        """Words for where it is."""
        rows, columns = np.nonzero(self.cells)
        sides = (rows, ("upper", "", "lower")), (columns, ("left", "", "right"))
        words = [
            names[min(2, int(3 * (places.mean() + 0.5) / GRID))]
            for places, names in sides
        ]
        words.append("corner" if all(words) else "edge" if any(words) else "middle")
        name = " ".join(filter(None, words))
        edges = [
            f"{axis} {100 * p.min() / GRID:.0f}-{100 * (p.max() + 1) / GRID:.0f} %"
            for axis, p in (("x", columns), ("y", rows))
        ]
        return f"{name} of the photo ({', '.join(edges)})"


@dataclasses.dataclass(frozen=True)
class PatchCluster:
    """Patches of similar features, wherever they are.

    Attributes:
        label: Index of the class.
        number: From 1, among the clusters of the class.
        center: `(channels,)`, of length 1.
        mean: `(channels,)`, what is taken off features before.
        least: Cosine from which a patch belongs to it.
    """

    label: int
    number: int
    center: np.ndarray
    mean: np.ndarray
    least: float
    kind = "cluster"

    def belongs(self, scan):
        """Which of the hottest patches are of the cluster, bool `(n, NUM_PATCHES)`."""
        cosines = (
            unit_vectors(scan.patch_features[:, self.label] - self.mean) @ self.center
        )
        return (cosines >= self.least) & (scan.patch_heat[:, self.label] > 0)

    def strength(self, scan):
        """Heat of its patches, `(n,)`; 0 without one."""
        heat = scan.patch_heat[:, self.label] * self.belongs(scan)
        no_room = (scan.patches[:, self.label, :, 0] < 0).all(axis=1)
        return np.where(no_room, np.nan, heat.max(axis=1))

    def energy(self, scan):
        """Share of each photo's map that lies in such patches, `(n,)`."""
        heat = (scan.patch_heat[:, self.label] * self.belongs(scan)).sum(axis=1)
        heat = heat * scan.patch_share * GRID**2  # a mean, times its area in cells
        return heat / np.maximum(scan.energy[:, self.label], 1e-12)

    def mask(self, scan, photo, size):
        """Its pixels in a photo of `size`, and some around, bool `(height, width)`."""
        found = np.zeros(tuple(size), bool)
        for number in np.flatnonzero(self.belongs(scan)[photo]):
            y1, x1, y2, x2 = scan.patches[photo, self.label, number]
            found[y1:y2, x1:x2] = True
        return _widened(found, scan.reach)

    def describe(self):
        """Words for what it is."""
        return f"patches that look alike (cluster {self.number}, see the sheet)"


def propose_candidates(scan, chosen, label, seed=0):
    """Candidates of one class.

    Args:
        scan: `Scan`.
        chosen: Bool `(n,)`: the photos to choose by.
        label: Index of the class.
        seed: Seed of the clusters.

    Returns:
        List of `FixedRegion` and `PatchCluster`.
    """
    ours = chosen & (scan.classes == label)
    others = chosen & (scan.classes != label)
    if ours.sum() < 4 or others.sum() < 4:
        return []
    args = scan, ours, others, label
    return [*_hot_regions(*args), *_patch_clusters(*args, seed)]


def _hot_regions(scan, ours, others, label):
    """The region around the cell where the class is hottest beyond other photos."""
    means = []
    for photos in (ours, others):
        free = scan.outside[photos].sum(axis=0)
        # Where boxes leave little free, a mean would be of few photos.
        free = np.where(free >= _LEAST_FREE * photos.sum() / 2, free, np.inf)
        means.append(scan.heat[photos, label].sum(axis=0) / free)
    excess = means[0] - means[1]
    if not excess.max() > 0:
        return []
    peak = np.unravel_index(np.argmax(excess), excess.shape)
    most = max(1, int(_LARGEST_REGION * excess.size))
    bound = max(0.5 * excess[peak], np.sort(excess.ravel())[-most])
    parts, _ = ndimage.label(excess >= bound)
    return [FixedRegion(label, parts == parts[peak])]


def _widened(mask, reach):
    """A mask and what is `reach` pixels around it."""
    # Maps are no more exact than their cells, and what is cut through may be known by
    # its rest.
    return ndimage.maximum_filter(mask, 2 * reach + 1)


def _patch_clusters(scan, ours, others, label, seed):
    """Clusters of the class's patches that other photos have less often."""
    exists = scan.patch_heat[:, label] > 0
    known = exists & (ours | others)[:, None]
    if (exists & ours[:, None]).sum() < 4:
        return []
    mean = scan.patch_features[:, label][known].mean(axis=0)
    patches = unit_vectors(scan.patch_features[:, label][exists & ours[:, None]] - mean)
    number = int(np.clip(len(patches) // (5 * NUM_PATCHES), 1, _MOST_CLUSTERS))
    ranked = []
    for center, members in _clusters(patches, number, seed):
        least = float(np.quantile(patches[members] @ center, 0.25))
        cluster = PatchCluster(label, 0, center, mean, least)
        has = cluster.belongs(scan).any(axis=1)
        ranked.append((has[ours].mean() - has[others].mean(), cluster))
    ranked.sort(key=lambda pair: -pair[0])
    return [
        dataclasses.replace(cluster, number=place + 1)
        for place, (excess, cluster) in enumerate(ranked[:NUM_CLUSTERS])
        if excess > 0
    ]


def _clusters(points, number, seed):
    """K-means clusters of unit vectors: a list of (unit center, indices)."""
    number = min(number, len(np.unique(points, axis=0)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One of the clusters is empty")
        centers, nearest = kmeans2(points, number, iter=25, minit="++", rng=seed)
    return [
        (unit_vectors(centers[k]), np.flatnonzero(nearest == k))
        for k in np.unique(nearest)
    ]
