"""Prepared photos and the order in which training sees them."""

import itertools

import numpy as np

from pipelines.epoch_order import EpochOrder
from pipelines.photo import Photos, Problem, Skipped
from pipelines.resizing import decode_for, squash
from pipelines.threads import for_each


class Pool:
    """Readable photos of one size, handed out in seeded batches.

    The order depends on the seed and the number of the epoch alone, so a run that
    resumes at epoch `e` sees what an uninterrupted one would: epoch `e` is
    `numpy.random.default_rng([seed, e]).permutation(len(pool))`, cut into batches; the
    remainder is dropped.

    Args:
        photos: `Photos`, each of them readable.
        image_size: Side of the square images in pixels.
        hashes: uint64 array `(num_photos,)`, see `perceptual_hash`.
        images: uint8 array or memory map `(num_photos, image_size, image_size, 3)`;
            None decodes again whenever a batch is gathered.
        skipped: List of `Skipped`, the photos that could not be read.
        workers: Number of decoding threads where `images` is None.
    """

    def __init__(
        self, photos, image_size, hashes, images=None, skipped=(), workers=None
    ):
        self.photos: Photos = photos
        self.image_size = image_size
        self.hashes = hashes
        self.images = images
        self.skipped: list[Skipped] = list(skipped)
        self.workers = workers

    def __len__(self):
        return len(self.photos)

    def __repr__(self):
        return (
            f"Pool({self.photos.name!r}, {len(self)} photos of {self.image_size} px, "
            f"{len(self.skipped)} skipped)"
        )

    @property
    def labels(self) -> list[str | None]:
        """Class of each photo, or None."""
        return [photo.label for photo in self.photos]

    @property
    def sources(self) -> list[str]:
        """Name of the source of each photo."""
        return [photo.source for photo in self.photos]

    @property
    def problems(self) -> list[Problem]:
        """What was wrong with annotations, see `Photos`."""
        return self.photos.problems

    def gather(self, indices) -> np.ndarray:
        """Images of the given indices, uint8 `(len(indices), size, size, 3)`.

        Raises:
            OSError, UnreadableImage: Without kept images, if a photo that was readable
                no longer is.
        """
        indices = np.asarray(indices, "int64")
        if self.images is not None:
            return np.asarray(self.images[indices])
        batch = np.empty((len(indices), *self._image_shape), "uint8")

        def fill(row):
            photo = self.photos[int(indices[row])]
            batch[row] = squash(decode_for(photo, self.image_size), self.image_size)

        for_each(fill, len(indices), self.workers)
        return batch

    def steps_per_epoch(self, batch_size: int) -> int:
        """Number of full batches in an epoch.

        Raises:
            ValueError: If the pool does not fill one batch.
        """
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1. Received: {batch_size}")
        if batch_size > len(self):
            raise ValueError(
                f"{self.photos.name} has {len(self)} readable photos, which do not "
                f"fill a batch of {batch_size}. Choose a smaller batch size or add "
                "photos."
            )
        return len(self) // batch_size

    def batches(self, batch_size: int, seed: int, initial_epoch: int = 0):
        """Infinite iterator of batches as NumPy arrays; needs no tensorflow.

        Args:
            batch_size: Number of images in a batch.
            seed: Non-negative integer that determines the order.
            initial_epoch: Number of the epoch to begin with, from 0.

        Returns:
            Iterator of uint8 arrays `(batch_size, image_size, image_size, 3)`.
        """
        indices_of, first_step = self._order(batch_size, seed, initial_epoch)
        return (self.gather(indices_of(step)) for step in itertools.count(first_step))

    def dataset(self, batch_size: int, seed: int, initial_epoch: int = 0):
        """The batches of `batches` as an infinite `tf.data.Dataset`.

        Pass `steps_per_epoch=pool.steps_per_epoch(batch_size)` to `fit`.
        """
        import tensorflow as tf

        indices_of, first_step = self._order(batch_size, seed, initial_epoch)

        def load(step):
            return self.gather(indices_of(int(step)))

        def load_batch(step):
            batch = tf.numpy_function(load, [step], tf.uint8, stateful=False)
            return tf.ensure_shape(batch, (batch_size, *self._image_shape))

        # The order is a function of the step, so batches may be gathered in parallel.
        return (
            tf.data.Dataset.counter(first_step)
            .map(load_batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
            .prefetch(tf.data.AUTOTUNE)
        )

    @property
    def _image_shape(self):
        return (self.image_size, self.image_size, 3)

    def _order(self, batch_size, seed, initial_epoch):
        """Returns a function from step to indices, and the first step."""
        num_steps = self.steps_per_epoch(batch_size)
        order = EpochOrder(len(self), batch_size, seed)
        return order.indices, initial_epoch * num_steps
