"""Average precision on held-out photos after every epoch."""

import keras
import numpy as np
from keras import ops

from ssl_voc.metrics import coco_average_precision, match_detections, score_matches
from ssl_voc.metrics.average_precision import PROTOCOLS
from ssl_voc.models.box_model import corners_of

_INFINITE = -1  # cardinality that tf.data tells of a data set without end


class DetectionProbe(keras.callbacks.Callback):
    """Adds average precision on held-out photos to the logs of every epoch.

    It is measured on what `predict` gives, suppression and all: losses may fall while
    nothing is found. The entries are `val_voc07_ap50`, `val_voc10_ap50` and
    `val_coco_ap`; nan where no photo has an object.

    Args:
        batches: Iterable, each time from the start, of the dictionaries that a
            `Detector` is trained on, such as
            `pipelines.Pool.evaluation_dataset`; all padded to the same number
            of objects.

    Raises:
        ValueError: when the batches never end, as those for training do.
    """

    def __init__(self, batches):
        super().__init__()
        cardinality = getattr(batches, "cardinality", None)
        if cardinality is not None and int(cardinality()) == _INFINITE:
            raise ValueError(
                "`batches` must end: all are predicted after each epoch. Pass held-out "
                "ones, such as pipelines.detection(..., training=False). Received: an "
                "endless tf.data.Dataset"
            )
        self.batches = batches

    def on_epoch_end(self, epoch, logs=None):
        """Predicts all photos and measures."""
        if logs is None:
            return
        predictions, ground_truth = [], []
        size = 0
        for batch in self.batches:
            size = size or len(batch["images"])
            batch = keras.tree.map_structure(ops.convert_to_numpy, batch)
            found = self._predict(batch["images"], size)
            predictions.append(
                {**found, "boxes": corners_of(self.model, found["boxes"])}
            )
            truth = batch["bounding_boxes"]
            truth["boxes"] = corners_of(self.model, truth["boxes"])
            if "difficult" in batch:
                truth["difficult"] = batch["difficult"]
            ground_truth.append(truth)
        found, truth = (
            keras.tree.map_structure(lambda *values: np.concatenate(values), *parts)
            for parts in (predictions, ground_truth)
        )
        num_classes = self.model.num_classes
        matches = match_detections(found, truth, num_classes=num_classes)
        for protocol in PROTOCOLS:
            average = score_matches(matches, protocol)
            logs[f"val_{protocol}_ap50"] = float(average.mean)
        averages = coco_average_precision(found, truth, num_classes)
        logs["val_coco_ap"] = averages["coco_ap"]

    def _predict(self, images, size):
        """What the model finds in a batch, which is filled up to a size by repetition.

        A short one would leave replicas without an image, and compile once more. Not by
        `predict_on_batch`, which has every replica answer all images.
        """
        number = len(images)
        images = np.resize(images, (max(size, number), *images.shape[1:]))
        found = self.model.predict(images, batch_size=len(images), verbose=0)
        return {name: values[:number] for name, values in found.items()}
