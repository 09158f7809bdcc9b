"""Order of training batches, a function of seed and epoch alone."""

import functools

import numpy as np


class EpochOrder:
    """Indices of every batch of an endless training.

    Epoch `e` is `numpy.random.default_rng([seed, e]).permutation(num_photos)`, cut into
    batches; the remainder is dropped. Fewer photos than a batch are repeated, in
    further permutations, until they fill one. A run that resumes at epoch `e` sees
    what an uninterrupted one would.

    With repeat factors, a photo is `floor(factor)` times among those that are permuted,
    and once more with the probability of what is left of its factor, drawn anew for
    each epoch. They are more than fill an epoch, which keeps its number of batches.

    Args:
        num_photos: Number of photos, at least 1.
        batch_size: Number of photos in a batch, at least 1.
        seed: Non-negative integer.
        repeat_factors: Float array `(num_photos,)`, at least 1, or None.
    """

    def __init__(self, num_photos, batch_size, seed, repeat_factors=None):
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1. Received: {batch_size}")
        self.num_photos = num_photos
        self.batch_size = batch_size
        self.seed = seed
        self.repeat_factors = repeat_factors
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
        return np.concatenate([self._draw_pass(rng) for _ in range(times)])

    def _draw_pass(self, rng):
        """All photos, some of them repeated, in random order."""
        if self.repeat_factors is None:
            return rng.permutation(self.num_photos)
        whole = np.floor(self.repeat_factors)
        more = rng.random(self.num_photos) < self.repeat_factors - whole
        times = whole.astype("int64") + more
        return rng.permutation(np.repeat(np.arange(self.num_photos), times))
