"""Prepared photos, with or without boxes, and the batches that they are seen in."""

import itertools
from collections.abc import Sequence

import numpy as np

from pipelines.photos.content import UnreadableImage
from pipelines.photos.photo import Photo, Photos, Problem
from pipelines.pools.class_balance import repeat_factors
from pipelines.pools.epoch_order import EpochOrder
from pipelines.pools.threads import for_each

# Batches that are gathered while the model works on one.
_NUM_AHEAD = 2


class Pool:
    """Readable photos of one size, handed out in seeded batches.

    The order of training is a function of seed and epoch alone, see `EpochOrder`.

    A batch holds NumPy arrays, or tensors where a `tf.data.Dataset` is asked for.
    Without boxes it is the images, uint8 `(batch, image_size, image_size, 3)` in
    `[0, 255]`. With boxes it is KerasCV's dict, where `M` is the largest number of
    objects of one photo; nothing is cut:

    - `images`: as above, letterboxed
    - `bounding_boxes`: `boxes` float32 `(batch, M, 4)`, xyxy in pixels of the square,
      and `classes` float32 `(batch, M)`, indices into `class_names`; both are -1 where
      a photo has fewer objects
    - `difficult`, `truncated`: bool `(batch, M)`
    - `original_size`: int32 `(batch, 2)`, height and width of the upright photo
    - `image_index`: int64 `(batch,)`, index into `photos`

    If photos have one target each, their largest object that is not difficult, `M` is
    1, and all objects are in `all_objects`, with `boxes`, `classes` and `difficult` as
    above.

    Args:
        photos: `Photos`, each of them readable.
        resizing: How photos become square, `Squashing` or `Letterboxing`.
        hashes: uint64 array `(num_photos,)`, see `perceptual_hash`.
        images: uint8 array or memory map `(num_rows, image_size, image_size, 3)`; None
            decodes again whenever a batch is gathered.
        rows: Index into `images` for each photo; by default they are aligned.
        objects: `ObjectTargets` of the photos, or None for a pool without boxes.
        skipped: List of `Problem`, the photos that could not be read.
        left_out: `Photos` without a main object.
        workers: Number of decoding threads where `images` is None.

    Attributes:
        class_names: Tuple of the names of the boxes' classes; None without boxes.
        targets: `boxes`, `classes`, `difficult` and `truncated` of all photos, in
            order, see `ObjectTargets`; None without boxes.
        original_sizes: int32 `(num_photos, 2)`, height and width of the upright photos;
            None without boxes.
        failure: The error that ended the last `gather`, or None. Under tf.data, `fit`
            raises another one for it.
    """

    def __init__(
        self,
        photos,
        resizing,
        hashes,
        images=None,
        rows=None,
        objects=None,
        skipped=(),
        left_out=(),
        workers=None,
    ):
        self.photos: Photos = photos
        self.resizing = resizing
        self.image_size = resizing.image_size
        self.hashes = hashes
        self.images = images
        self.objects = objects
        self.class_names = None if objects is None else objects.class_names
        self.targets = None if objects is None else objects.targets
        self.original_sizes = None if objects is None else objects.original_sizes
        self.skipped: list[Problem] = list(skipped)
        self.left_out: Sequence[Photo] = left_out
        self.workers = workers
        self.failure: Exception | None = None
        self._rows = np.arange(len(photos)) if rows is None else np.asarray(rows)

    def __len__(self):
        return len(self.photos)

    def __repr__(self):
        boxes = ""
        if self.objects is not None:
            boxes = f", {len(self.class_names)} classes, {len(self.left_out)} left out"
        return (
            f"Pool({self.photos.name!r}, {len(self)} photos of {self.image_size} px, "
            f"{len(self.skipped)} skipped{boxes})"
        )

    def select(self, indices) -> "Pool":
        """A pool of some of the photos, for a pool without boxes.

        Args:
            indices: Ascending indices of the photos.
        """
        if self.objects is not None:
            raise ValueError(
                "`select` is of pools without boxes: prepare the photos themselves."
            )
        indices = np.asarray(indices, "int64")
        return Pool(
            self.photos.take(indices),
            self.resizing,
            self.hashes[indices],
            self.images,
            self._rows[indices],
            skipped=self.skipped,
            workers=self.workers,
        )

    @property
    def labels(self) -> list[str | None]:
        """Class of each photo, or None."""
        return [photo.label for photo in self.photos]

    @property
    def problems(self) -> list[Problem]:
        """What was wrong with annotations, see `Photos`."""
        return self.photos.problems

    @property
    def max_boxes(self) -> int:
        """Number of boxes that each photo of a batch is padded to."""
        return self.targets["boxes"].shape[1]

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

    def gather(self, indices):
        """The batch of some indices, as NumPy arrays.

        Raises:
            UnreadableImage: Without kept images, if a photo that was readable no longer
                is; names the photo.
        """
        return self._gather(np.asarray(indices, "int64"))

    def steps_per_epoch(self, batch_size: int) -> int:
        """Number of training batches in an epoch, at least 1.

        Raises:
            ValueError: If a pool without boxes does not fill one batch. Photos with
                boxes are repeated until they do; in a contrastive batch a repeated
                photo would be its own negative.
        """
        return self._order(batch_size, 0).steps_per_epoch

    def batches(
        self,
        batch_size: int,
        seed: int,
        initial_epoch: int = 0,
        targets=None,
        balance: float | None = None,
        steps_per_epoch: int | None = None,
    ):
        """Infinite iterator of training batches; needs no tensorflow.

        Args:
            batch_size: Number of photos in a batch.
            seed: Non-negative integer that determines the order.
            initial_epoch: Number of the epoch to begin with, from 0.
            targets: Optional array `(num_photos, ...)` of what belongs to each photo,
                such as its `label_numbers`: a batch is then a tuple of images and of
                their rows of it.
            balance: Share of the photos below which a class is rare, and its photos
                come more often, see `repeat_factors`; for a pool with boxes. An epoch
                keeps its number of steps.
            steps_per_epoch: Number of steps that the epochs before `initial_epoch` had,
                where those of another pool set the pace; by default the pool's own.
        """
        order = self._order(batch_size, seed, balance)
        pace = steps_per_epoch or order.steps_per_epoch
        steps = itertools.count(initial_epoch * pace)
        return (self._gather(order.indices(step), targets) for step in steps)

    def dataset(
        self,
        batch_size: int,
        seed: int,
        initial_epoch: int = 0,
        targets=None,
        balance: float | None = None,
        steps_per_epoch: int | None = None,
    ):
        """The batches of `batches` as an infinite `tf.data.Dataset`.

        Pass `steps_per_epoch=pool.steps_per_epoch(batch_size)` to `fit`.
        """
        import tensorflow as tf

        order = self._order(batch_size, seed, balance)
        pace = steps_per_epoch or order.steps_per_epoch
        steps = tf.data.Dataset.counter(initial_epoch * pace)
        return self._as_dataset(steps, order.indices, batch_size, targets)

    def evaluation_batches(self, batch_size: int):
        """Iterator that gives every photo once and in order; the last batch is short.

        Needs no tensorflow.
        """
        return (self._gather(part) for part in self._once(batch_size))

    def evaluation_dataset(self, batch_size: int):
        """The batches of `evaluation_batches` as a finite `tf.data.Dataset`."""
        import tensorflow as tf

        parts = self._once(batch_size)
        steps = tf.data.Dataset.range(len(parts))
        return self._as_dataset(steps, parts.__getitem__, None)

    def _order(self, batch_size, seed, balance=None):
        if self.objects is None and batch_size > len(self):
            raise ValueError(
                f"{self.photos.name} has {len(self)} readable photos, which do not "
                f"fill a batch of {batch_size}. Choose a smaller batch size or add "
                "photos."
            )
        factors = None
        if balance is not None:
            factors = repeat_factors(self.targets, len(self.class_names), balance)
        return EpochOrder(len(self), batch_size, seed, factors)

    def _once(self, batch_size):
        """Indices of the batches of one pass in order."""
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1. Received: {batch_size}")
        indices = np.arange(len(self))
        starts = range(0, len(self), batch_size)
        return [indices[start : start + batch_size] for start in starts]

    def _gather(self, indices, targets=None):
        return self._batch(self._gather_images(indices), indices, targets)

    def _batch(self, images, indices, targets):
        """What is handed out of images, which are those of the indices."""
        if targets is not None:
            return images, targets[indices]
        if self.objects is None:
            return images
        return {"images": images, **self.objects.gather(indices)}

    def _as_dataset(self, steps, indices_of, batch_size, targets=None):
        import tensorflow as tf

        image = np.empty((1, self.image_size, self.image_size, 3), "uint8")
        spec = tf.nest.map_structure(
            lambda array: tf.TensorSpec((batch_size, *array.shape[1:]), array.dtype),
            self._batch(image, np.zeros(1, "int64"), targets),
        )
        types = [item.dtype for item in tf.nest.flatten(spec)]

        def load(step):
            return tf.nest.flatten(self._gather(indices_of(int(step)), targets))

        def load_batch(step):
            flat = tf.numpy_function(load, [step], types, stateful=False)
            return tf.nest.map_structure(
                lambda tensor, item: tf.ensure_shape(tensor, item.shape),
                tf.nest.pack_sequence_as(spec, flat),
                spec,
            )

        # The order is a function of the step, so batches may be gathered in parallel.
        batches = steps.map(
            load_batch, num_parallel_calls=_NUM_AHEAD, deterministic=True
        ).prefetch(_NUM_AHEAD)
        options = tf.data.Options()
        # An autotuned iterator now and then waits for its tuner's clock when it ends:
        # up to as long as it has run, a minute at most.
        options.autotune.enabled = False
        return batches.with_options(options)

    def _gather_images(self, indices):
        if self.images is not None:
            return np.asarray(self.images[self._rows[indices]])
        batch = np.empty((len(indices), self.image_size, self.image_size, 3), "uint8")

        def fill(row):
            photo = self.photos[int(indices[row])]
            try:
                pixels = self.resizing.decode(photo)
            except (OSError, UnreadableImage) as error:
                reason = getattr(error, "strerror", None) or error
                self.failure = UnreadableImage(
                    f"{photo.path_name} can no longer be read: {reason}"
                )
                raise self.failure from error
            batch[row] = self.resizing.resize(pixels)

        for_each(fill, len(indices), self.workers)
        return batch
