"""Order of photos in training: a function of seed and epoch alone."""

import functools

import numpy as np


class EpochOrder:
    """Indices of every batch of an endless training.

    Epoch `e` is `numpy.random.default_rng([seed, e]).permutation(num_photos)`, cut into
    batches; the remainder is dropped. Fewer photos than a batch are repeated, in
    further permutations, until they fill one. A run that resumes at epoch `e` sees
    what an uninterrupted one would.

    Args:
        num_photos: Number of photos, at least 1.
        batch_size: Number of photos in a batch, at least 1.
        seed: Non-negative integer.
    """

    def __init__(self, num_photos, batch_size, seed):
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1. Received: {batch_size}")
        self.num_photos = num_photos
        self.batch_size = batch_size
        self.seed = seed
        self.steps_per_epoch = max(1, num_photos // batch_size)
        # Parallel gathering may stand with one foot in the next epoch.
        self._epoch = functools.lru_cache(maxsize=2)(self._draw_epoch)

    def indices(self, step: int) -> np.ndarray:
        """Indices of the batch of a step, counted from the first epoch's first."""
        epoch, position = divmod(step, self.steps_per_epoch)
        start = position * self.batch_size
        return self._epoch(epoch)[start : start + self.batch_size]

    def _draw_epoch(self, epoch):
        rng = np.random.default_rng([self.seed, epoch])
        times = -(-self.batch_size // self.num_photos)
        return np.concatenate([rng.permutation(self.num_photos) for _ in range(times)])
