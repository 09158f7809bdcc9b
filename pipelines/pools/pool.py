"""Prepared photos and the order in which training sees them."""

import itertools

import numpy as np

from pipelines.images.resizing import decode_for, squash
from pipelines.photos.content import UnreadableImage, no_longer_readable
from pipelines.photos.photo import Photos, Problem, Skipped
from pipelines.pools.epoch_order import EpochOrder
from pipelines.pools.threads import for_each


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

    Attributes:
        failure: The error that ended the last `gather`, or None. Under tf.data, `fit`
            raises another one, of TensorFlow's.
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
        self.failure: Exception | None = None

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
            UnreadableImage: Without kept images, if a photo that was readable no longer
                is; names the photo.
        """
        indices = np.asarray(indices, "int64")
        if self.images is not None:
            return np.asarray(self.images[indices])
        batch = np.empty((len(indices), *self._image_shape), "uint8")

        def fill(row):
            photo = self.photos[int(indices[row])]
            try:
                pixels = decode_for(photo, self.image_size)
            except (OSError, UnreadableImage) as error:
                self.failure = no_longer_readable(photo, error)
                raise self.failure from error
            batch[row] = squash(pixels, self.image_size)

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

    def label_numbers(self, class_names) -> np.ndarray:
        """Index of each photo's label in `class_names`, int32 `(num_photos,)`.

        Raises:
            ValueError: If a photo has no label, or one that is not among the names.
        """
        number_of = {name: number for number, name in enumerate(class_names)}
        for photo in self.photos:
            if photo.label not in number_of:
                raise ValueError(
                    f"{photo.path_name} has the label {photo.label!r}, which is none "
                    f"of the {len(number_of)} class names. Leave such photos out."
                )
        return np.array([number_of[label] for label in self.labels], "int32")

    def batches(
        self, batch_size: int, seed: int, initial_epoch: int = 0, class_names=None
    ):
        """Infinite iterator of batches as NumPy arrays; needs no tensorflow.

        Args:
            batch_size: Number of images in a batch.
            seed: Non-negative integer that determines the order.
            initial_epoch: Number of the epoch to begin with, from 0.
            class_names: With names, labels come along, see `label_numbers`.

        Returns:
            Iterator of uint8 arrays `(batch_size, image_size, image_size, 3)`; with
            `class_names`, of tuples of such an array and int32 labels `(batch_size,)`.
        """
        load, first_step = self._loader(batch_size, seed, initial_epoch, class_names)
        return (load(step) for step in itertools.count(first_step))

    def dataset(
        self, batch_size: int, seed: int, initial_epoch: int = 0, class_names=None
    ):
        """The batches of `batches` as an infinite `tf.data.Dataset`.

        Pass `steps_per_epoch=pool.steps_per_epoch(batch_size)` to `fit`.
        """
        import tensorflow as tf

        load, first_step = self._loader(batch_size, seed, initial_epoch, class_names)
        spec = tf.TensorSpec((batch_size, *self._image_shape), tf.uint8)
        if class_names is not None:
            spec = (spec, tf.TensorSpec((batch_size,), tf.int32))
        types = tf.nest.map_structure(lambda part: part.dtype, spec)

        def load_batch(step):
            batch = tf.numpy_function(
                lambda step: load(int(step)), [step], types, stateful=False
            )
            return tf.nest.map_structure(
                lambda tensor, part: tf.ensure_shape(tensor, part.shape),
                tf.nest.pack_sequence_as(spec, tf.nest.flatten(batch)),
                spec,
            )

        # The order is a function of the step, so batches may be gathered in parallel.
        return (
            tf.data.Dataset.counter(first_step)
            .map(load_batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
            .prefetch(tf.data.AUTOTUNE)
        )

    @property
    def _image_shape(self):
        return (self.image_size, self.image_size, 3)

    def _loader(self, batch_size, seed, initial_epoch, class_names):
        """Returns a function from step to batch, and the first step."""
        num_steps = self.steps_per_epoch(batch_size)
        order = EpochOrder(len(self), batch_size, seed)
        labels = None if class_names is None else self.label_numbers(class_names)

        def load(step):
            indices = order.indices(step)
            images = self.gather(indices)
            return images if labels is None else (images, labels[indices])

        return load, initial_epoch * num_steps
