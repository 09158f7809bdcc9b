"""Teacher that labels photos: a moving average of a box model."""

import keras
from keras import ops

from ssl_voc import boxes
from ssl_voc.layers.box_motions import flip_boxes, pad_boxes
from ssl_voc.models.momentum_teacher import MomentumTeacher

# In pixels: half of the finest stride, where answers differ most.
_SHIFT = 4


class PseudoLabeler(keras.Model):
    """Labels photos by the moving average of a `Localizer` or `Detector`.

    It looks at every photo twice, as it is and mirrored, in inference mode. `predict`
    works as of any Keras model.

    Args:
        student: The `BoxModel` that it follows, built.
        pseudo_labels: `ssl_voc.layers.PseudoLabels` that chooses what is learned.
        momentum: Share of itself that the teacher keeps in a step, in `[0, 1]`.
        mirrors: Whether the second view is mirrored; else it is moved by 4 pixels, for
            a student that never saw mirrored photos.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Call arguments:
        images: Tensor `(batch, size, size, 3)` in `[0, 255]`.

    Returns:
        Dictionary of what `pseudo_labels` gives and of the teacher's answers to the
        photos as they are: `"found_boxes"` `(batch, n, 4)`, xyxy, `"found_classes"` and
        `"found_confidence"` `(batch, n)`, and what else its answers hold.
    """

    def __init__(self, student, pseudo_labels, momentum=0.99, mirrors=True, **kwargs):
        # In half precision pixels would be rounded, as the student's are not.
        super().__init__(**{"autocast": False, **kwargs})
        # Its decoding, not its weights: those of the teacher are its own.
        self._decode = student.decode_predictions
        self._format = student.bounding_box_format
        self._shape = student.image_shape
        self.teacher = MomentumTeacher(
            student.at_image_size(self._shape[0]), momentum, name="teacher"
        )
        self.pseudo_labels = pseudo_labels
        self.mirrors = mirrors
        self.built = True

    def call(self, images, training=False):
        images = ops.cast(images, "float32")
        both = ops.concatenate([images, self._second_view(images)], axis=0)
        outputs = self.teacher(both, training=False)
        answers = self._decode(outputs)
        answers["boxes"] = boxes.convert_format(
            answers["boxes"], self._format, "xyxy", self._shape
        )
        if "agreement" in outputs:
            answers["agreement"] = outputs["agreement"]
        pairs = {name: ops.split(values, 2) for name, values in answers.items()}
        found, again = ({name: pairs[name][i] for name in pairs} for i in (0, 1))
        again["boxes"] = self._back(again["boxes"], again["classes"])
        labels = self.pseudo_labels(found, again)
        return {
            **labels,
            **{f"found_{name}": values for name, values in found.items()},
        }

    def _second_view(self, images):
        if self.mirrors:
            return ops.flip(images, axis=2)
        moved = ops.pad(images, [(0, 0), (_SHIFT, 0), (_SHIFT, 0), (0, 0)])
        return moved[:, :-_SHIFT, :-_SHIFT]

    def _back(self, corners, classes):
        """Boxes of the second view, in the pixels of the first."""
        if self.mirrors:
            everyone = ops.ones(ops.shape(corners)[:1], "bool")
            return flip_boxes(corners, classes, everyone, self._shape[1])
        return pad_boxes(corners - float(_SHIFT), classes)
