"""The explained run: model, letterboxed photos, heat maps and class scores."""

import dataclasses

import keras
import numpy as np

from pipelines import letterboxed_size
from ssl_voc.evaluate.run import EvaluationRun
from ssl_voc.heat_maps import grad_cam
from ssl_voc.models.box_model import corners_of
from ssl_voc.tasks import scores_by_class

# Outside of `predict`, Keras keeps all feature maps of a batch until its end: no more
# pixels at once than those of 16 photos of 160 px.
_BATCH_PIXELS = 16 * 160 * 160


@dataclasses.dataclass(frozen=True)
class Views:
    """Some photos as a model sees them, and what they show.

    Attributes:
        indices: Into the subject's pool, `(batch,)`.
        images: uint8 `(batch, side, side, 3)`, letterboxed.
        classes: Class of each main object, `(batch,)`.
        boxes: Its box, `(batch, 4)`, xyxy in pixels of the square.
        sizes: Height and width of the photo inside the square, `(batch, 2)`.
        all_boxes: Boxes of all objects, `(batch, M, 4)`, of no area where padded.
    """

    indices: np.ndarray
    images: np.ndarray
    classes: np.ndarray
    boxes: np.ndarray
    sizes: np.ndarray
    all_boxes: np.ndarray

    def __len__(self):
        return len(self.indices)

    def photo(self, place):
        """One photo without its padding, `(height, width, 3)`."""
        height, width = self.sizes[place]
        return self.images[place, :height, :width]


class Subject(EvaluationRun):
    """A run to be explained.

    Args:
        config: An `ExplainConfig`, resolved.
        finished: The `FinishedRun`.
        folder: The `RunFolder` to write to.
        name: How tables call it.

    Raises:
        BadInput: when photos were seen in training.
        ValueError, OSError: when photos or model cannot be used.
    """

    main_object_only = True

    def __init__(self, config, finished, folder, name):
        self.name = name
        super().__init__(config, finished, folder)

    @property
    def batch_size(self):
        """Number of photos that are mapped at once."""
        num_images = _BATCH_PIXELS // self.pool.image_size**2
        return min(max(1, num_images), self.config.batch_size)

    @property
    def keys(self):
        """Source and id of each photo: the same photos for runs to be compared."""
        return [(photo.source, photo.image_id) for photo in self.pool.photos]

    def views(self, indices):
        """Gathers photos in batches: memory does not grow with their number."""
        size = self.batch_size
        for start in range(0, len(indices), size):
            yield self.view(indices[start : start + size])

    def view(self, indices):
        """Gathers photos as `Views`."""
        batch = self.pool.gather(indices)
        targets = batch["bounding_boxes"]
        return Views(
            batch["image_index"],
            batch["images"],
            targets["classes"][:, 0].astype("int64"),
            targets["boxes"][:, 0].astype("float64"),
            letterboxed_size(batch["original_size"], self.pool.image_size),
            batch["all_objects"]["boxes"].astype("float64"),
        )

    def probabilities(self, images):
        """Scores of all classes, `(batch, num_classes)`.

        Of a detector the confidence of each class's most confident detection.
        """
        return scores_by_class(self._rank(images), len(self.pool.class_names))

    def predict_classes(self, images, boxes):
        """The class of each photo's object, `(batch,)`, -1 where it is not found.

        Args:
            images: Photos as of `Views`.
            boxes: Those of their objects, `(batch, 4)`, xyxy in pixels: of a detector
                the most confident detection there is asked, see `Task.classes_of`.
        """
        ranked = self._rank(images)
        side = self.pool.image_size
        ranked["boxes"] = corners_of(self.model, ranked["boxes"], side)
        return self.task.classes_of(ranked, boxes)

    def _rank(self, images):
        return self.task.rank_arrays(self.model.predict_on_batch(images))

    def maps(self, images, classes, model=None, layer=None, method=None, **options):
        """Heat maps of classes, `(batch, side, side)`, as the flags ask for them."""
        return grad_cam(
            model or self.model,
            images,
            np.asarray(classes),
            layer=layer or self.config.explained_layer,
            method=method or self.config.method,
            normalize=False,
            batch_size=self.batch_size,
            **options,
        )

    def facts(self):
        """What the figures are of."""
        facts = self._facts()
        names = ("run", "weights", "model_sha256", "task", "num_leaked")
        return {
            **{name: facts[name] for name in names},
            "image_size": self.pool.image_size,
            "backend": keras.backend.backend(),
        }
