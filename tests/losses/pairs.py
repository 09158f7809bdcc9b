"""Projections of pairs of views."""

import numpy as np


def draw_pair(batch_size=6, dimensions=16, seed=0, noise=1.5):
    """Projections whose partners are nearer than others, but not always."""
    random = np.random.default_rng(seed)
    projections = random.normal(size=(batch_size, dimensions))
    partners = projections + noise * random.normal(size=projections.shape)
    return projections.astype("float32"), partners.astype("float32")
