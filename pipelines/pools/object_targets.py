"""Objects of labelled photos as KerasCV's padded arrays."""

import numpy as np

from pipelines.images.letterboxing import boxes_to_letterbox
from pipelines.photos.photo import main_object

# What KerasCV pads with, boxes and classes alike.
PADDING = -1


class ObjectTargets:
    """Boxes and classes of photos, padded to the largest number of objects.

    Args:
        photos: `Photos` of true sizes, with usable objects only, see `usable_photo`.
        class_names: Names; an object's class is the index of its name.
        image_size: Side of the square in pixels that photos are letterboxed to.
        main_object_only: Whether a photo has one target, its main object.
        max_boxes: Number of objects to pad to; by default as many as needed.

    Attributes:
        original_sizes: int32 `(num_photos, 2)`, height and width of the upright photos.
        targets: Dict of `boxes`, float32 `(num_photos, M, 4)`, xyxy in pixels of the
            square; `classes`, float32 `(num_photos, M)`; `difficult` and `truncated`,
            bool `(num_photos, M)`. Boxes and classes are -1 where padded.
        all_objects: Alike, of all objects, with `main_object_only`; otherwise None.

    Raises:
        ValueError: If `max_boxes` would cut objects.
    """

    def __init__(
        self, photos, class_names, image_size, main_object_only=False, max_boxes=None
    ):
        self.class_names: tuple[str, ...] = tuple(class_names)
        self.original_sizes = np.array(
            [(photo.height, photo.width) for photo in photos], "int32"
        ).reshape(-1, 2)
        objects = [photo.objects for photo in photos]
        needed = max(1, max(map(len, objects), default=0))
        if max_boxes is not None and max_boxes < needed:
            raise ValueError(
                f"{photos.name} has a photo with {needed} objects, which "
                f"max_boxes={max_boxes} would cut. Raise it, or leave it out."
            )
        self.targets = self._arrays(objects, image_size, max_boxes or needed)
        self.all_objects = None
        if main_object_only:
            self.all_objects = self.targets
            main = [(main_object(items),) for items in objects]
            self.targets = self._arrays(main, image_size, 1)

    def gather(self, indices) -> dict:
        """What a batch holds of these photos beside their images, see `Pool`."""
        targets = {name: values[indices] for name, values in self.targets.items()}
        batch = {
            "bounding_boxes": {name: targets[name] for name in ("boxes", "classes")},
            "difficult": targets["difficult"],
            "truncated": targets["truncated"],
            "original_size": self.original_sizes[indices],
            "image_index": indices,
        }
        if self.all_objects is not None:
            batch["all_objects"] = {
                name: self.all_objects[name][indices]
                for name in ("boxes", "classes", "difficult")
            }
        return batch

    def _arrays(self, objects, image_size, num_boxes):
        """The arrays of each photo's objects, padded to `num_boxes`."""
        shape = (len(objects), num_boxes)
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
            arrays["boxes"][part] = boxes_to_letterbox(boxes, size, image_size)
            arrays["classes"][part] = [index_of[item.name] for item in items]
            arrays["difficult"][part] = [item.difficult for item in items]
            arrays["truncated"][part] = [item.truncated for item in items]
        return arrays
