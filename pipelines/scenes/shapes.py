"""Outlines of the drawn objects.

A shape is a function of a random generator that returns one closed polygon,
`(num_points, 2)` float32 x and y, y pointing down, roughly inside `[-1, 1]`. Details
(the number of petals, the width of a tail) vary from draw to draw; size, tilt and place
are the scene's business.
"""

import numpy as np


def _turn(start, stop, num_points):
    return np.linspace(start, stop, num_points, endpoint=False) * 2 * np.pi


def _polar(radii, angles):
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=-1)


def disc(rng):
    """Round, slightly uneven."""
    angles = _turn(0, 1, 48)
    phase = rng.uniform(0, 2 * np.pi)
    return _polar(1 + 0.04 * np.sin(3 * angles + phase), angles)


def fish(rng):
    """Lens-like body pointing left, forked tail."""
    height = rng.uniform(0.45, 0.6)
    fork = rng.uniform(0.7, 0.85)
    body = _turn(0.06, 0.94, 30)
    points = np.stack(
        [0.65 * np.cos(body) - 0.3, height * np.sin(body) * (1 - 0.2 * np.cos(body))],
        axis=-1,
    )
    tail = [[1.0, -0.5], [fork, 0.0], [1.0, 0.5]]
    return np.concatenate([points, tail])


def flower(rng):
    """Rounded petals around a center."""
    num_petals = rng.integers(5, 8)
    depth = rng.uniform(0.18, 0.26)
    angles = _turn(0, 1, 96)
    return _polar(1 - depth + depth * np.cos(num_petals * angles), angles)


def house(rng):
    """Walls under a gable roof with eaves."""
    eave, roof = rng.uniform(0.7, 0.85), rng.uniform(-0.25, 0.05)
    return np.array(
        [[0, -1], [1, roof], [eave, roof], [eave, 1], [-eave, 1]]
        + [[-eave, roof], [-1, roof]]
    )


def kite(rng):
    """Diamond whose widest place lies above the middle."""
    wide = rng.uniform(-0.45, -0.2)
    return np.array([[0, -1], [0.75, wide], [0, 1.2], [-0.75, wide]])


def leaf(rng):
    """Pointed at both ends, with a stalk."""
    width = rng.uniform(0.45, 0.6)
    along = np.linspace(-1, 0.8, 20)
    half = width * np.sin((along + 1) / 1.8 * np.pi) ** 0.8
    right = np.stack([half, along], axis=-1)[:-1]
    left = np.stack([-half, along], axis=-1)[::-1][1:-1]
    stalk = [[0.06, 0.8], [0.06, 1.1], [-0.06, 1.1], [-0.06, 0.8]]
    return np.concatenate([right, stalk, left])


def mushroom(rng):
    """Half-round cap on a stem that widens downwards."""
    stem, foot = rng.uniform(0.25, 0.35), rng.uniform(0.35, 0.5)
    cap = _polar(1.0, _turn(0.5, 1.0, 24)) * [1.0, 0.9] + [0, 0.05]
    lower = [[1, 0.05], [0.9, 0.2], [stem, 0.2], [foot, 1], [-foot, 1]]
    return np.concatenate([cap, lower, [[-stem, 0.2], [-0.9, 0.2]]])


def star(rng):
    """Pointed arms."""
    num_arms = rng.integers(5, 7)
    inner = rng.uniform(0.45, 0.55)
    angles = _turn(-0.25, 0.75, 2 * num_arms)
    return _polar(np.where(np.arange(2 * num_arms) % 2, inner, 1.0), angles)


def tent(rng):
    """Triangle, its lower edge slightly bent."""
    sag = rng.uniform(-0.1, 0.15)
    return np.array([[0, -1], [1, 0.8], [0, 0.8 + sag], [-1, 0.8]])


def vase(rng):
    """Narrow neck, wide belly, flat foot."""
    neck = rng.uniform(0.22, 0.35)
    along = np.linspace(-1, 1, 24)
    belly = np.exp(-(((along - 0.25) / 0.5) ** 2))
    lip = 0.25 * np.exp(-(((along + 1) / 0.15) ** 2))
    half = neck + (0.85 - neck) * belly + lip
    right = np.stack([half, along], axis=-1)
    return np.concatenate([right, right[::-1] * [-1, 1]])


def blob(rng):
    """Irregular patch, the outline of clutter: none of the classes."""
    angles = _turn(0, 1, 40)
    radii = np.ones(40)
    for wave in range(2, 6):
        phase = rng.uniform(0, 2 * np.pi)
        radii += rng.uniform(0.05, 0.3) / wave * 2 * np.sin(wave * angles + phase)
    return _polar(np.maximum(radii, 0.3), angles)
