"""Surface patterns of the drawn objects.

A texture is a function `(u, v, rng)` of two float32 arrays of one shape: coordinates
from the center of the object, in units of the pattern's period. It returns the signed
distance to the edge between the pattern's two colors, in periods, positive in the
first color: so that the painter can smooth the edge over exactly one pixel.
"""

import numpy as np


def _distance_to_cell_center(x):
    return np.abs(x - np.floor(x) - 0.5)


def stripes(u, v, rng):
    """Straight bands of equal width."""
    return _distance_to_cell_center(u) - 0.25


def checks(u, v, rng):
    """Chess board, two squares to a period."""
    across, down = stripes(u, v, rng), stripes(v, u, rng)
    return np.sign(across * down) * np.minimum(np.abs(across), np.abs(down))


def dots(u, v, rng):
    """Discs, every second row shifted by half."""
    shift = 0.5 * np.mod(np.floor(v), 2)
    return 0.36 - np.hypot(
        _distance_to_cell_center(u + shift), _distance_to_cell_center(v)
    )


def rings(u, v, rng):
    """Concentric circles."""
    return stripes(np.hypot(u, v) + rng.uniform(), v, rng)


def rays(u, v, rng):
    """Sectors that meet in the center."""
    num_rays = rng.integers(7, 12)
    radius = np.hypot(u, v)
    sectors = np.arctan2(v, u) * (num_rays / (2 * np.pi))
    return stripes(sectors, v, rng) * radius * (2 * np.pi / num_rays)


def bricks(u, v, rng):
    """Bricks twice as wide as high, in shifted rows, with mortar between."""
    row = np.floor(2 * v)
    along = _distance_to_cell_center(u + 0.5 * np.mod(row, 2))
    down = _distance_to_cell_center(2 * v) / 2
    return np.minimum(0.44 - along, 0.19 - down)


def zigzag(u, v, rng):
    """Bands that bend sharply, one corner to a period."""
    return (_distance_to_cell_center(v + 1.5 * _distance_to_cell_center(u)) - 0.25) / (
        np.float32(np.hypot(1, 1.5))
    )


def waves(u, v, rng):
    """Bands that swing softly."""
    return stripes(v + 0.3 * np.sin(2 * np.pi * u), u, rng)


def scales(u, v, rng):
    """Overlapping round scales, as on a fish."""
    row = np.floor(2 * v)
    radius = np.full_like(u, 0.5)
    for step in (1, 0):  # the upper row lies over the lower one
        center_row = row + step
        shift = 0.5 * np.mod(center_row, 2)
        sideways = _distance_to_cell_center(u + shift)
        distance = np.hypot(sideways, v - (center_row - 1) / 2)
        radius = np.where(distance < 0.56, distance, radius)
    return np.abs(radius - 0.28) - 0.16


def weave(u, v, rng):
    """Basket work: bundles of strands that cross at right angles."""
    lying = np.mod(np.floor(u) + np.floor(v), 2) == 0
    return stripes(2 * np.where(lying, u, v), v, rng) / 2


def marble(u, v, rng):
    """Random veins without a direction."""
    directions, phases = rng.uniform(0, 2 * np.pi, (2, 10)).astype("float32")
    lengths = rng.uniform(0.35, 0.65, 10).astype("float32") * np.float32(2 * np.pi)
    noise = np.zeros_like(u)
    for x, y, phase in zip(
        lengths * np.cos(directions), lengths * np.sin(directions), phases, strict=True
    ):
        noise += np.cos(x * u + y * v + phase)
    # The sum of ten waves has variance 5; its slope turns values into distances.
    return (np.abs(noise) / np.float32(5**0.5) - 0.65) / 3


def lattice(u, v, rng):
    """Thin lines that cross."""
    across, down = _distance_to_cell_center(u), _distance_to_cell_center(v)
    return 0.12 - np.minimum(across, down)


def plain(u, v, rng):
    """No pattern at all."""
    return np.ones_like(u)
