"""Prepared photos with their boxes, and the batches that fitting and evaluation see."""

import collections.abc
import itertools

import numpy as np

from pipelines.images.letterboxing import boxes_to_letterbox
from pipelines.images.resizing import Letterboxing
from pipelines.photos.content import UnreadableImage, no_longer_readable
from pipelines.photos.photo import Photo, Photos, Problem, Skipped, main_object
from pipelines.pools.epoch_order import EpochOrder
from pipelines.pools.threads import for_each

# What KerasCV pads with, boxes and classes alike.
PADDING = -1


class LabeledPool:
    """Letterboxed photos and their objects, handed out as KerasCV's dicts.

    A batch is a dict of NumPy arrays, or of tensors where a `tf.data.Dataset` is asked
    for. `M` is the largest number of objects of one photo; nothing is cut.

    - `images`: uint8 `(batch, image_size, image_size, 3)` in `[0, 255]`
    - `bounding_boxes`: `boxes` float32 `(batch, M, 4)`, xyxy in pixels of the square,
      and `classes` float32 `(batch, M)`, indices into `class_names`; both are -1 where
      a photo has fewer objects
    - `difficult`, `truncated`: bool `(batch, M)`
    - `original_size`: int32 `(batch, 2)`, height and width of the upright photo
    - `image_index`: int64 `(batch,)`, index into `photos`

    With `main_object_only`, `M` is 1: the largest object that is not difficult. All
    objects of the photo are then in `all_objects`, with `boxes`, `classes` and
    `difficult` as above.

    Args:
        photos: `Photos`, each readable, with usable objects only and the true sizes,
            see `usable_photo`.
        class_names: Tuple of names; an object's class is the index of its name.
        image_size: Side of the square images in pixels.
        hashes: uint64 array `(num_photos,)`, see `perceptual_hash`.
        images: uint8 array or memory map `(num_rows, image_size, image_size, 3)`; None
            decodes again whenever a batch is gathered.
        rows: Index into `images` for each photo; by default they are aligned.
        main_object_only: Whether a photo has one target, its main object.
        max_boxes: Number of objects to pad to; by default as many as needed.
        skipped: List of `Skipped`, the photos that could not be read.
        left_out: `Photos` without a main object.
        workers: Number of decoding threads where `images` is None.

    Attributes:
        failure: The error that ended the last `gather`, or None. Under tf.data, `fit`
            raises another one for it.
    """

    def __init__(
        self,
        photos,
        class_names,
        image_size,
        hashes,
        images=None,
        rows=None,
        main_object_only=False,
        max_boxes=None,
        skipped=(),
        left_out=(),
        workers=None,
    ):
        self.photos: Photos = photos
        self.class_names: tuple[str, ...] = tuple(class_names)
        self.image_size = image_size
        self.hashes = hashes
        self.images = images
        self.main_object_only = main_object_only
        self.skipped: list[Skipped] = list(skipped)
        self.left_out: collections.abc.Sequence[Photo] = left_out
        self.workers = workers
        self.failure: Exception | None = None
        self._rows = np.arange(len(photos)) if rows is None else np.asarray(rows)
        self.original_sizes = np.array(
            [(photo.height, photo.width) for photo in photos], "int32"
        ).reshape(-1, 2)
        objects = [photo.objects for photo in photos]
        if main_object_only:
            targets = [(main_object(items),) for items in objects]
            self._targets = self._object_arrays(targets, None)
            self._all_objects = self._object_arrays(objects, max_boxes)
        else:
            self._targets = self._object_arrays(objects, max_boxes)
            self._all_objects = None

    def __len__(self):
        return len(self.photos)

    def __repr__(self):
        return (
            f"LabeledPool({self.photos.name!r}, {len(self)} photos of "
            f"{self.image_size} px, {len(self.class_names)} classes, "
            f"{len(self.skipped)} skipped, {len(self.left_out)} left out)"
        )

    @property
    def problems(self) -> list[Problem]:
        """What was wrong with annotations, see `Photos`."""
        return self.photos.problems

    @property
    def max_boxes(self) -> int:
        """Number of boxes that each photo of a batch is padded to."""
        return self._targets["boxes"].shape[1]

    @property
    def targets(self) -> dict:
        """`boxes`, `classes`, `difficult` and `truncated` of all photos, unshuffled."""
        return dict(self._targets)

    def gather(self, indices) -> dict:
        """The batch of some indices, as NumPy arrays.

        Raises:
            UnreadableImage: Without kept images, if a photo that was readable no longer
                is; names the photo.
        """
        indices = np.asarray(indices, "int64")
        targets = {name: values[indices] for name, values in self._targets.items()}
        batch = {
            "images": self._gather_images(indices),
            "bounding_boxes": {name: targets[name] for name in ("boxes", "classes")},
            "difficult": targets["difficult"],
            "truncated": targets["truncated"],
            "original_size": self.original_sizes[indices],
            "image_index": indices,
        }
        if self._all_objects is not None:
            batch["all_objects"] = {
                name: self._all_objects[name][indices]
                for name in ("boxes", "classes", "difficult")
            }
        return batch

    def steps_per_epoch(self, batch_size: int) -> int:
        """Number of training batches in an epoch, at least 1, see `EpochOrder`."""
        return EpochOrder(len(self), batch_size, 0).steps_per_epoch

    def batches(self, batch_size: int, seed: int, initial_epoch: int = 0):
        """Infinite iterator of training batches; needs no tensorflow.

        Args:
            batch_size: Number of photos in a batch; fewer photos are repeated.
            seed: Non-negative integer that determines the order, see `EpochOrder`.
            initial_epoch: Number of the epoch to begin with, from 0.
        """
        order = EpochOrder(len(self), batch_size, seed)
        first_step = initial_epoch * order.steps_per_epoch
        return (self.gather(order.indices(s)) for s in itertools.count(first_step))

    def dataset(self, batch_size: int, seed: int, initial_epoch: int = 0):
        """The batches of `batches` as an infinite `tf.data.Dataset`.

        Pass `steps_per_epoch=pool.steps_per_epoch(batch_size)` to `fit`.
        """
        import tensorflow as tf

        order = EpochOrder(len(self), batch_size, seed)
        steps = tf.data.Dataset.counter(initial_epoch * order.steps_per_epoch)
        return self._as_dataset(steps, order.indices, batch_size)

    def evaluation_batches(self, batch_size: int):
        """Iterator that gives every photo once and in order; the last batch is short.

        Needs no tensorflow.
        """
        indices_of, num_steps = self._once(batch_size)
        return (self.gather(indices_of(step)) for step in range(num_steps))

    def evaluation_dataset(self, batch_size: int):
        """The batches of `evaluation_batches` as a finite `tf.data.Dataset`."""
        import tensorflow as tf

        indices_of, num_steps = self._once(batch_size)
        return self._as_dataset(tf.data.Dataset.range(num_steps), indices_of, None)

    def _once(self, batch_size):
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1. Received: {batch_size}")

        def indices_of(step):
            start = step * batch_size
            return np.arange(start, min(start + batch_size, len(self)))

        return indices_of, -(-len(self) // batch_size)

    def _as_dataset(self, steps, indices_of, batch_size):
        import tensorflow as tf

        spec = tf.nest.map_structure(
            lambda array: tf.TensorSpec((batch_size, *array.shape[1:]), array.dtype),
            self.gather([0]),
        )
        types = [item.dtype for item in tf.nest.flatten(spec)]

        def load(step):
            return tf.nest.flatten(self.gather(indices_of(int(step))))

        def load_batch(step):
            flat = tf.numpy_function(load, [step], types, stateful=False)
            batch = tf.nest.pack_sequence_as(spec, flat)
            return tf.nest.map_structure(
                lambda tensor, item: tf.ensure_shape(tensor, item.shape), batch, spec
            )

        # The order is a function of the step, so batches may be gathered in parallel.
        return steps.map(
            load_batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        ).prefetch(tf.data.AUTOTUNE)

    def _gather_images(self, indices):
        if self.images is not None:
            return np.asarray(self.images[self._rows[indices]])
        resizing = Letterboxing(self.image_size)
        batch = np.empty((len(indices), self.image_size, self.image_size, 3), "uint8")

        def fill(row):
            photo = self.photos[int(indices[row])]
            try:
                pixels = resizing.decode(photo)
            except (OSError, UnreadableImage) as error:
                self.failure = no_longer_readable(photo, error)
                raise self.failure from error
            batch[row] = resizing.resize(pixels)

        for_each(fill, len(indices), self.workers)
        return batch

    def _object_arrays(self, objects, max_boxes):
        """Arrays `(num_photos, M, ...)` of a tuple of `Object` for each photo."""
        needed = max(1, max(map(len, objects), default=0))
        if max_boxes is not None and max_boxes < needed:
            raise ValueError(
                f"{self.photos.name} has a photo with {needed} objects, which "
                f"max_boxes={max_boxes} would cut. Raise it, or leave it out."
            )
        shape = (len(objects), needed if max_boxes is None else max_boxes)
        arrays = {
            "boxes": np.full((*shape, 4), PADDING, "float32"),
            "classes": np.full(shape, PADDING, "float32"),
            "difficult": np.zeros(shape, "bool"),
            "truncated": np.zeros(shape, "bool"),
        }
        index_of = {name: index for index, name in enumerate(self.class_names)}
        for row, items in enumerate(objects):
            if not items:
                continue
            part = row, slice(len(items))
            boxes = np.array([item.box for item in items], "float64")
            size = self.original_sizes[row]
            arrays["boxes"][part] = boxes_to_letterbox(boxes, size, self.image_size)
            arrays["classes"][part] = [index_of[item.name] for item in items]
            arrays["difficult"][part] = [item.difficult for item in items]
            arrays["truncated"][part] = [item.truncated for item in items]
        return arrays
