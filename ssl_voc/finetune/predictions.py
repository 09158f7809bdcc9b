"""Sheet of photos with the boxes that a model in training predicts."""

import contextlib
import time

import pipelines
from ssl_voc.boxes import box_ious
from ssl_voc.finetune.report import NUM_SHOWN
from ssl_voc.models.batch_inference import predict_batches
from ssl_voc.models.box_model import corners_of
from ssl_voc.visualization.box_outlines import BoxOutline, BoxStyle
from ssl_voc.visualization.contact_sheet import draw_contact_sheet, scaled_tile
from ssl_voc.visualization.style import COLORS, class_label

LABELLED = BoxStyle("labelled", COLORS[0], labeled_below=True)
DIFFICULT = BoxStyle("labelled as difficult", COLORS[0], "dotted", True)
_LEARNED_FROM = "photos that the model learned from"
_HELD_BACK = "photos held back to choose the epoch"
_SIDE, _NUM_COLUMNS, _NAME_LENGTH = 320, 4, 12
# More texts than these cover the photo; boxes of what is right overlap by more.
_MOST_TEXTS, _RIGHT_IOU = 10, 0.5
# How often in a run at most, and of its time about.
_NUM_DRAWINGS, _TIME_SHARE = 10, 0.01


class PredictionSheet:
    """What a model finds in a few photos, the same ones at each drawing.

    They are photos held back to choose the epoch, or, where there are none, photos that
    are learned from: those that are held out to be reported on are never looked at.
    Chosen without a draw of the training, seen without augmentation.

    Args:
        path: The png file.
        task: The `Task` that is learned.
        data: Its `FinetuningData`.
        batch_size: Number of photos in a training step, which fit the memory.
    """

    def __init__(self, path, task, data, batch_size):
        self._path, self._task, self._batch_size = path, task, batch_size
        learns = data.validation is None
        pool = data.training if learns else data.validation
        self._batch = pool.gather(pipelines.choose_varied(pool.photos, NUM_SHOWN))
        self._photos = [pool.photos[int(row)] for row in self._batch["image_index"]]
        self._class_names = pool.class_names
        self._kind = _LEARNED_FROM if learns else _HELD_BACK
        lowest = f", score {task.threshold:g} or more" if task.threshold else ""
        self._predicted = BoxStyle(f"predicted{lowest}", COLORS[1], "dashed")
        self._epoch, self._ended, self._seconds = 0, 0.0, 0.0  # of the last drawing

    def is_due(self, epoch, epochs):
        """Whether enough epochs, and enough time, have passed since the last drawing.

        Args:
            epoch: Number of epochs done.
            epochs: Number of epochs of the run.
        """
        since = time.monotonic() - self._ended
        has_time = since * _TIME_SHARE >= self._seconds
        return has_time and (epoch - self._epoch) * _NUM_DRAWINGS >= epochs

    def draw(self, model, epoch, epochs, evaluated=None):
        """Predicts and draws; leaves weights and random states as they are.

        Args:
            model: The model, compiled.
            epoch: Number of the epoch that the weights are of.
            epochs: Number of epochs of the run.
            evaluated: `EvaluatedWeights` to lend the model, or None.
        """
        began = time.monotonic()
        with evaluated.lent() if evaluated else contextlib.nullcontext():
            found = predict_batches(model, self._batch["images"], self._batch_size)
        found = {**found, "boxes": corners_of(model, found["boxes"])}
        ranked = self._task.rank_arrays(found)
        tiles = [self._tile(row, ranked) for row in range(len(self._photos))]
        legend = [LABELLED, DIFFICULT] if self._batch["difficult"].any() else [LABELLED]
        title = f"Predictions after epoch {epoch} of {epochs}: {self._kind}"
        least, highest = self._task.threshold, ranked["scores"].max()
        if highest < least:  # as of the first epochs
            highest = f"{max(0.0, highest):.2f}"  # -1 is padding
            title += f"; no score reaches {least:g}, the highest is {highest}"
        draw_contact_sheet(
            self._path,
            [("", tiles)],
            min(_NUM_COLUMNS, len(tiles)),
            title,
            [*legend, self._predicted],
        )
        self._epoch, self._ended = epoch, time.monotonic()
        self._seconds = self._ended - began

    def _tile(self, row, ranked):
        task, targets = self._task, self._batch["bounding_boxes"]
        exists = targets["classes"][row] >= 0
        boxes_true, classes_true = (
            targets[name][row][exists] for name in ("boxes", "classes")
        )
        difficult = self._batch["difficult"][row][exists]
        boxes = ranked["boxes"][row]
        scores, classes = (
            ranked[name][row][: len(boxes)] for name in ("scores", "classes")
        )
        is_shown = (classes >= 0) & (scores >= task.threshold)
        boxes, scores, classes = boxes[is_shown], scores[is_shown], classes[is_shown]
        is_right = classes_true[:, None] == classes
        is_right &= box_ious(boxes_true[:, None], boxes) > _RIGHT_IOU
        # Of what agrees too many texts would cover the photo.
        is_named = ~is_right.any(axis=0) | (len(boxes) <= _MOST_TEXTS)
        labelled = [
            BoxOutline(
                box,
                DIFFICULT if difficult[index] else LABELLED,
                self._name(label) if not is_right[index].any() else "",
            )
            for index, (box, label) in enumerate(
                zip(boxes_true, classes_true, strict=True)
            )
        ]
        predicted = [
            BoxOutline(
                box,
                self._predicted,
                self._name(label) if named else "",
                f" {score:.2f}" if named else "",
            )
            for box, label, score, named in zip(
                boxes, classes, scores, is_named, strict=True
            )
        ]
        caption = self._photos[row].image_id
        if not task.main_object_only:
            caption = f"{len(labelled)} labelled, {len(predicted)} predicted\n{caption}"
        # The most confident last, on top of the others.
        outlines = [*labelled, *predicted[::-1]]
        return scaled_tile(self._batch["images"][row], _SIDE, caption, outlines)

    def _name(self, label):
        if len(self._class_names) == 1:
            return ""
        return class_label(self._class_names[int(label)], int(label), _NAME_LENGTH)
