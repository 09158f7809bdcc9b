"""Suspicions: places, and looks, that a class's heat prefers outside the boxes.

They are chosen on one half of the photos and tested on the other, so that choosing
needs no correction.
"""

import dataclasses

import numpy as np

from ssl_voc.explain.shortcuts.scan import GRID, NUM_PATCHES

NUM_LOOKS = 2
_LARGEST_PLACE = 0.25  # share of the photo
_LEAST_FREE = 0.3  # share of a place that must lie outside the boxes
_MOST_CLUSTERS = 4


@dataclasses.dataclass(frozen=True)
class Place:
    """Some cells of every photo.

    Attributes:
        label: Index of the class.
        cells: Bool `(GRID, GRID)`.
    """

    label: int
    cells: np.ndarray
    kind = "place"

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
        words = []
        for places, names in (
            (rows, ("upper", "", "lower")),
            (columns, ("left", "", "right")),
        ):
            words.append(names[min(2, int(3 * (places.mean() + 0.5) / GRID))])
        kind = "corner" if all(words) else "edge"
        name = " ".join(filter(None, words))
        name = f"{name} {kind}" if name else "middle"
        edges = [
            f"{axis} {100 * p.min() / GRID:.0f}-{100 * (p.max() + 1) / GRID:.0f} %"
            for axis, p in (("x", columns), ("y", rows))
        ]
        return f"{name} of the photo ({', '.join(edges)})"


@dataclasses.dataclass(frozen=True)
class Look:
    """Patches that look alike, wherever they are.

    Attributes:
        label: Index of the class.
        number: From 1, among the looks of the class.
        center: `(channels,)`, of length 1.
        mean: `(channels,)`, what is taken off features before.
        least: Cosine from which a patch belongs to it.
    """

    label: int
    number: int
    center: np.ndarray
    mean: np.ndarray
    least: float
    kind = "look"

    def belongs(self, scan):
        """Which of the hottest patches look so, bool `(n, NUM_PATCHES)`."""
        cosines = _unit(scan.looks[:, self.label] - self.mean) @ self.center
        return (cosines >= self.least) & (scan.patch_heat[:, self.label] > 0)

    def strength(self, scan):
        """Heat of the patches that look so, `(n,)`; 0 without one."""
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
        return f"patches that look alike (look {self.number}, see the sheet)"


def suspect(scan, chosen, label, seed=0):
    """Candidates of one class.

    Args:
        scan: `Scan`.
        chosen: Bool `(n,)`: the photos to choose by.
        label: Index of the class.
        seed: Seed of the clusters.

    Returns:
        List of `Place` and `Look`.
    """
    ours = chosen & (scan.classes == label)
    others = chosen & (scan.classes != label)
    if ours.sum() < 4 or others.sum() < 4:
        return []
    found = []
    cells = _hot_cells(scan, ours, others, label)
    if cells is not None:
        found.append(Place(label, cells))
    return found + _looks(scan, ours, others, label, seed)


def _hot_cells(scan, ours, others, label):
    """The cells around the one where the class is hottest beyond other photos."""
    means = []
    for photos in (ours, others):
        free = scan.outside[photos].sum(axis=0)
        # Where boxes leave little free, a mean would be of few photos.
        free = np.where(free >= _LEAST_FREE * photos.sum() / 2, free, np.inf)
        means.append(scan.heat[photos, label].sum(axis=0) / free)
    excess = means[0] - means[1]
    if not excess.max() > 0:
        return None
    peak = np.unravel_index(np.argmax(excess), excess.shape)
    most = max(1, int(_LARGEST_PLACE * excess.size))
    bound = max(0.5 * excess[peak], np.sort(excess.ravel())[-most])
    high, cells = excess >= bound, np.zeros(excess.shape, bool)
    cells[peak] = True
    while True:
        grown = (_grown(cells, 0) | _grown(cells, 1)) & high
        if (grown == cells).all():
            return cells
        cells = grown


def _grown(cells, axis):
    """The cells and their neighbors on one axis."""
    grown = np.moveaxis(cells, axis, 0).copy()
    grown[1:] |= np.moveaxis(cells, axis, 0)[:-1]
    grown[:-1] |= np.moveaxis(cells, axis, 0)[1:]
    return np.moveaxis(grown, 0, axis)


def _widened(mask, reach):
    """A mask and what is `reach` pixels around it.

    Maps are no more exact than their cells, and what is cut through may be known by
    its rest.
    """
    for axis in (0, 1):
        for _ in range(reach):
            mask = _grown(mask, axis)
    return mask


def _looks(scan, ours, others, label, seed):
    """Clusters of the class's patches that other photos have less often."""
    exists = scan.patch_heat[:, label] > 0
    known = exists & (ours | others)[:, None]
    if (exists & ours[:, None]).sum() < 4:
        return []
    mean = scan.looks[:, label][known].mean(axis=0)
    patches = _unit(scan.looks[:, label][exists & ours[:, None]] - mean)
    number = int(np.clip(len(patches) // (5 * NUM_PATCHES), 1, _MOST_CLUSTERS))
    ranked = []
    for center, members in _clusters(patches, number, seed):
        least = float(np.quantile(patches[members] @ center, 0.25))
        look = Look(label, 0, center, mean, least)
        has = look.belongs(scan).any(axis=1)
        ranked.append((has[ours].mean() - has[others].mean(), look))
    ranked.sort(key=lambda pair: -pair[0])
    return [
        dataclasses.replace(look, number=place + 1)
        for place, (excess, look) in enumerate(ranked[:NUM_LOOKS])
        if excess > 0
    ]


def _clusters(points, number, seed):
    """Spherical k-means: a list of (center, indices), empty ones left out."""
    random = np.random.default_rng(seed)
    centers = [points[random.integers(len(points))]]
    while len(centers) < number:
        far = np.maximum(1 - (points @ np.array(centers).T).max(axis=1), 1e-9)
        centers.append(points[random.choice(len(points), p=far / far.sum())])
    centers = np.array(centers)
    for _ in range(25):
        nearest = (points @ centers.T).argmax(axis=1)
        centers = np.array(
            [
                _unit(points[nearest == k].sum(axis=0))
                if (nearest == k).any()
                else centers[k]
                for k in range(number)
            ]
        )
    members = [np.flatnonzero(nearest == k) for k in range(number)]
    return [pair for pair in zip(centers, members, strict=True) if len(pair[1])]


def _unit(vectors):
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(norms, 1e-12)
