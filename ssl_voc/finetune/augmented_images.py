"""Augmented training photos, alike each time, for batch-norm statistics."""

import numpy as np

from ssl_voc import callbacks

# Photos that the statistics are of: each has many points of every feature map.
_NUM_PHOTOS = 256


class AugmentedImages:
    """The images of some batches of a pool, augmented, alike each time.

    Not as they are: with statistics of plain photos detectors found less.

    Args:
        pool: `pipelines.Pool` that is learned from.
        batches: List of index arrays.
        model: The `BoxModel` whose augmenter it is.
        seed: Non-negative integer.
    """

    def __init__(self, pool, batches, model, seed):
        self.pool, self.batches, self.model = pool, batches, model
        self._seeds = callbacks.EpochSeeds(seed)
        self._seeds.set_model(model)

    def __iter__(self):
        self._seeds.on_epoch_begin(0)
        for indices in self.batches:
            batch = self.pool.gather(indices)
            inputs = {name: batch[name] for name in ("images", "bounding_boxes")}
            yield self.model.augmenter(inputs, training=True)["images"]


def draw_batches(num_photos, batch_size, seed):
    """Indices of a sample of photos, in whole batches: all have one weight.

    Args:
        num_photos: Number of photos that are learned from.
        batch_size: Number in a batch, at most `num_photos`.
        seed: Non-negative integer.

    Returns:
        List of index arrays `(batch_size,)`.
    """
    order = np.random.default_rng(seed).permutation(num_photos)
    number = max(1, min(num_photos, _NUM_PHOTOS) // batch_size)
    return np.split(order[: number * batch_size], number)
