"""Probe of a teacher's labels: its thresholds follow, its mistakes are counted."""

import keras
import numpy as np

from ssl_voc.metrics import match_detections
from ssl_voc.models.batch_inference import predict_batches
from ssl_voc.models.box_model import corners_of


class PseudoLabelProbe(keras.callbacks.Callback):
    """Looks at the labels that a teacher gives some photos, every few epochs.

    Adds to the logs, of the labels that are sure:

    - `teacher_agreement`: share of them that the student finds, too, with IoU > 0.5
    - `teacher_precision` and `teacher_recall`, where the true boxes of the photos are
      known: share of the labels that are right, and of the objects that have one, by
      the matching of Pascal VOC. Nothing is learned from them.

    Then the thresholds of the classes follow the teacher's scores, see
    `PseudoLabels.adapt`. Place it before callbacks that save weights.

    Args:
        images: Array `(num_photos, size, size, 3)` in `[0, 255]`.
        truth: Dictionary of arrays `"boxes"` `(num_known, n, 4)`, xyxy in pixels,
            `"classes"` and `"difficult"` `(num_known, n)`, or None.
        known: Indices of the photos that `truth` is of; by default all.
        first_epoch: Number of the first epoch that ends with it, counted from 1.
        num_epochs: Number of epochs between.
        batch_size: Number of photos in an inference batch.
        show: Optional function of the labels that were given, a dictionary of arrays as
            `PseudoLabeler` returns.
    """

    def __init__(
        self,
        images,
        truth=None,
        known=None,
        first_epoch=1,
        num_epochs=1,
        batch_size=32,
        show=None,
    ):
        super().__init__()
        self.known = range(len(images)) if known is None else known
        self.images = images
        self.truth = truth
        self.first_epoch = first_epoch
        self.num_epochs = num_epochs
        self.batch_size = batch_size
        self.show = show

    def on_epoch_end(self, epoch, logs=None):
        """Measures and adapts, if it is time."""
        since = epoch + 1 - self.first_epoch
        if logs is None or since < 0 or since % self.num_epochs:
            return
        model, images = self.model, self.images
        labels = predict_batches(model.labeler, images, self.batch_size)
        sure = (labels["classes"] >= 0) & ~labels["difficult"]
        given = {
            "boxes": labels["boxes"],
            "classes": np.where(sure, labels["classes"], -1),
            # Which of two on one object comes first is of no account.
            "confidence": np.where(sure, 1.0, -1.0),
        }
        answers = predict_batches(model, images, self.batch_size)
        answers["boxes"] = corners_of(model, answers["boxes"])
        least = model.labeler.pseudo_labels.least_score
        heard = answers["confidence"] >= least
        answers["classes"] = np.where(heard, answers["classes"], -1)
        logs["teacher_agreement"] = self._match(answers, given)[1]
        if self.truth is not None:
            rows = [*self.known]
            found = {name: values[rows] for name, values in given.items()}
            precision, recall = self._match(found, self.truth)
            logs.update(teacher_precision=precision, teacher_recall=recall)
        if self.show is not None:
            self.show(labels)
        prefix = "found_"
        model.labeler.pseudo_labels.adapt(
            {
                name.removeprefix(prefix): values
                for name, values in labels.items()
                if name.startswith(prefix)
            }
        )

    def _match(self, predictions, truth):
        """Share of the predictions that are right, and of the objects that are found.

        Difficult objects, and what finds them, count nothing; nan of none.
        """
        matches = match_detections(
            predictions, truth, num_classes=self.model.num_classes
        )
        counted = ~matches.on_difficult
        right = matches.claims & (matches.matched >= 0) & counted
        return (
            _share(right.sum(), counted.sum()),
            _share(right.sum(), (~matches.difficult).sum()),
        )


def _share(part, whole):
    return float(part / whole) if whole else float("nan")
