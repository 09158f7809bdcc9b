"""Pseudo-labels: what a teacher finds in photos, turned into targets to learn."""

import math

import keras
import numpy as np
from keras import ops

from ssl_voc import boxes
from ssl_voc.layers.constructor_arguments import ConfiguredLayer
from ssl_voc.layers.random_layer import check_rate
from ssl_voc.metrics import mixture_threshold

# For each object that there should be: boxes that are left out at most, and boxes that
# the threshold lets through at least, to which it falls by half at most: the photos may
# show fewer objects than they should.
_UNSURE_PER_OBJECT = 2.0
_PASSED_PER_OBJECT = 0.4
_LEAST_SHARE_OF_THRESHOLD = 0.5
# In pixels: one or two aside take a smaller box below the least IoU of others.
_SMALL_SIDE = 16.0
_IOU_OF_SMALL = 0.5
# Confidence from which a box in the second view is one that was found again.
_LEAST_CONFIDENCE = 0.01
# From which two boxes share the points that learn them.
_COVERING_IOU = 0.7


class PseudoLabels(ConfiguredLayer):
    """Base class of layers that choose what is learned of a teacher's answers.

    A box is sure if its score reaches the threshold of its class and the teacher finds
    it again in a second view, which is mirrored or moved: one of the same class that
    overlaps it enough. A box that is not sure is `difficult`: it teaches nothing, and
    neither is it taught that there is nothing.

    The thresholds are weights, which `adapt` moves along with the teacher.

    Args:
        num_classes: Number of classes.
        threshold: That of every class at first, in `[0, 1]`.
        min_iou: Least IoU with the box in the second view; 0.5 is enough for a box
            that is less than 16 pixels wide or high.
        **kwargs: `name` and `dtype` of `keras.layers.Layer`; `dtype` defaults to
            float32 whatever the global policy.

    Call arguments:
        found: Dictionary that `predict` of the teacher gives, its boxes xyxy.
        again: That of the second views, its boxes moved back.

    Returns:
        Dictionary of `"boxes"` `(batch, n, 4)`, xyxy, and `"classes"` `(batch, n)`,
        float32, both -1 where padded; of `"difficult"` `(batch, n)`, bool; and of
        `"is_told"` `(batch,)`, bool: whether what lies beside the boxes is background,
        and not just unknown.

    Reference:
        - [Xu et al., 2021](https://arxiv.org/abs/2106.09018), section 3.3: boxes that
          hold under jitter
    """

    # Between which the thresholds move, and the least score that moves them.
    threshold_range = (0.0, 1.0)
    least_score = 0.0

    def __init__(self, num_classes, threshold, min_iou=0.7, **kwargs):
        # Half precision would round boxes to pixels and more.
        super().__init__(**{"dtype": "float32", **kwargs})
        check_rate("threshold", threshold)
        check_rate("min_iou", min_iou)
        self.num_classes = num_classes
        self.threshold = threshold
        self.min_iou = min_iou
        self.thresholds = self._add_threshold("thresholds", (num_classes,), threshold)
        self.built = True

    def is_sure(self, found, again):
        """Which of the teacher's boxes are sure, bool `(batch, n)`."""
        classes = found["classes"]
        limits = ops.take(self.thresholds, ops.maximum(classes, 0))
        overlaps = boxes.pairwise_iou(found["boxes"], again["boxes"])
        same = classes[:, :, None] == again["classes"][:, None, :]
        is_found = again["confidence"] >= _LEAST_CONFIDENCE
        same = ops.logical_and(same, is_found[:, None, :])
        sides = found["boxes"][..., 2:] - found["boxes"][..., :2]
        small = ops.min(sides, axis=2, keepdims=True) < _SMALL_SIDE
        least = ops.where(small, min(self.min_iou, _IOU_OF_SMALL), self.min_iou)
        is_again = ops.any(ops.logical_and(overlaps >= least, same), axis=2)
        sure = ops.logical_and(found["confidence"] >= limits, is_again)
        return ops.logical_and(sure, boxes.is_object(classes))

    def adapt(self, found):
        """Sets the threshold of each class by the scores that the teacher gives.

        Where they are too few, it is the one at first again.

        Args:
            found: Dictionary of arrays, what `call` was given for some photos:
                `"confidence"` and `"classes"` `(num_photos, n)`, -1 where padded.

        Reference:
            - [Wang et al., 2022](https://arxiv.org/abs/2209.01589), section 3.4
        """
        confidence, classes = found["confidence"], found["classes"]
        thresholds = [
            mixture_threshold(
                confidence[(classes == label) & (confidence >= self.least_score)],
                self.threshold,
                *self.threshold_range,
            )
            for label in range(self.num_classes)
        ]
        self.thresholds.assign(thresholds)

    def _add_threshold(self, name, shape, value):
        return self.add_weight(
            shape=shape,
            initializer=keras.initializers.Constant(value),
            dtype="float32",
            trainable=False,
            autocast=False,
            name=name,
        )


@keras.saving.register_keras_serializable(package="ssl_voc")
class MainObjectPseudoLabels(PseudoLabels):
    """The teacher's one box for each photo, sure or not.

    A box is sure as of `PseudoLabels`, and if the cells of the teacher agree on it at
    least as well as on the median photo of those that `adapt` was last given: how far
    they agree changes in training, but more agreement tells better boxes.

    Args:
        num_classes: Number of classes.
        threshold: As of `PseudoLabels`.
        min_iou: As of `PseudoLabels`.
        **kwargs: `name` and `dtype` of `keras.layers.Layer`.

    Call arguments, Returns:
        As of `PseudoLabels`, with one box for each photo; `found` holds `"agreement"`
        `(batch,)`, too.
    """

    threshold_range = (0.5, 0.95)

    def __init__(self, num_classes, threshold=0.8, min_iou=0.7, **kwargs):
        super().__init__(num_classes, threshold, min_iou, **kwargs)
        self.least_agreement = self._add_threshold("least_agreement", (), 0.0)

    def adapt(self, found):
        super().adapt(found)
        self.least_agreement.assign(np.median(found["agreement"]))

    def call(self, found, again):
        agree = found["agreement"][:, None] >= self.least_agreement
        sure = ops.logical_and(self.is_sure(found, again), agree)
        return {
            "boxes": found["boxes"],
            "classes": ops.cast(found["classes"], "float32"),
            "difficult": ops.logical_not(sure),
            "is_told": ops.any(sure, axis=1),
        }


@keras.saving.register_keras_serializable(package="ssl_voc")
class ObjectPseudoLabels(PseudoLabels):
    """The teacher's boxes for every object of each photo.

    What scores less than the least score of its class is taken for background, in a
    photo with a box that is sure; of a photo without one nothing is known, unless the
    labels hold photos without objects: then as large a share of the photos, those in
    which nothing scores much, shows nothing. A box that is not sure and overlaps one
    that is by 0.7 or more is left out.

    Args:
        num_classes: Number of classes.
        threshold: As of `PseudoLabels`.
        min_iou: As of `PseudoLabels`.
        least_score: Score from which a box that is not sure is `difficult`, in
            `[0, 1]`.
        max_objects: Number of boxes of a photo: those that are sure, then the most
            confident ones. Where there are more, the background is not known.
        objects_per_photo: Mean number of objects of each class in a labelled photo,
            `(num_classes,)`. Where it is given, `adapt` lowers the threshold of a class
            until boxes for 40 % of the objects that there should be reach it, by half
            at most and as far as its range allows, and the least score until twice as
            many boxes as objects do: a class that the teacher hardly finds is taught by
            its best boxes, and not taught to be background.
        empty_share: Share of the labelled photos that show no object, in `[0, 1]`.
        **kwargs: `name` and `dtype` of `keras.layers.Layer`.

    Reference:
        - [Chen et al., 2022](https://arxiv.org/abs/2206.06608), section 3.2: thresholds
          of each class by how often the labels show it
    """

    threshold_range = (0.2, 0.8)

    def __init__(
        self,
        num_classes,
        threshold=0.5,
        min_iou=0.7,
        least_score=0.1,
        max_objects=30,
        objects_per_photo=None,
        empty_share=0.0,
        **kwargs,
    ):
        super().__init__(num_classes, threshold, min_iou, **kwargs)
        check_rate("least_score", least_score)
        check_rate("empty_share", empty_share)
        if max_objects < 1:
            raise ValueError(
                f"`max_objects` must be at least 1. Received: {max_objects}"
            )
        if objects_per_photo is not None and len(objects_per_photo) != num_classes:
            raise ValueError(
                f"`objects_per_photo` must have {num_classes} numbers, one for each "
                f"class. Received: {objects_per_photo}"
            )
        self.least_score = least_score
        self.max_objects = max_objects
        self.objects_per_photo = objects_per_photo
        self.empty_share = empty_share
        # Below which the best answer to a photo says that it shows nothing; at first
        # below that of a photo without any.
        self.empty_score = self._add_threshold("empty_score", (), boxes.PADDING)
        self.least_scores = self._add_threshold(
            "least_scores", (num_classes,), least_score
        )

    def adapt(self, found):
        super().adapt(found)
        if self.empty_share:
            best = found["confidence"].max(axis=1, initial=0.0)
            self.empty_score.assign(np.quantile(best, self.empty_share))
        if self.objects_per_photo is None:
            return
        thresholds = np.array(ops.convert_to_numpy(self.thresholds))
        least_scores = np.full(self.num_classes, self.least_score)
        for label, rate in enumerate(self.objects_per_photo):
            scores = -np.sort(-found["confidence"][found["classes"] == label])
            objects = rate * len(found["confidence"])
            if not objects:
                continue
            passed, seen = (
                _score_of_rank(scores, math.ceil(share * objects))
                for share in (_PASSED_PER_OBJECT, _UNSURE_PER_OBJECT)
            )
            usual, (least, _) = thresholds[label], self.threshold_range
            least = max(least, _LEAST_SHARE_OF_THRESHOLD * usual)
            thresholds[label] = min(usual, max(passed, least))
            least_scores[label] = min(self.least_score, seen)
        self.thresholds.assign(thresholds)
        self.least_scores.assign(least_scores)

    def call(self, found, again):
        sure = self.is_sure(found, again)
        # Of one object, a second class that is sure would be taught as well; one that
        # is not would take its points away.
        overlaps = boxes.pairwise_iou(found["boxes"], found["boxes"]) >= _COVERING_IOU
        places = ops.arange(sure.shape[1])  # the most confident box comes first
        better = places[None, :] < places[:, None]
        beaten = ops.logical_and(overlaps, ops.logical_and(sure[:, None, :], better))
        sure = ops.logical_and(sure, ops.logical_not(ops.any(beaten, axis=2)))
        covered = ops.any(ops.logical_and(overlaps, sure[:, None, :]), axis=2)
        limits = ops.take(self.least_scores, ops.maximum(found["classes"], 0))
        reached = found["confidence"] >= limits
        reached = ops.logical_and(reached, boxes.is_object(found["classes"]))
        unsure = ops.logical_and(
            reached, ops.logical_not(ops.logical_or(sure, covered))
        )
        seen = ops.logical_or(sure, unsure)
        labels = {
            "boxes": ops.where(seen[..., None], found["boxes"], boxes.PADDING),
            "classes": ops.where(
                seen, ops.cast(found["classes"], "float32"), boxes.PADDING
            ),
            "difficult": unsure,
        }
        number = min(self.max_objects, seen.shape[1])
        ranks = found["confidence"] + ops.cast(sure, "float32")
        _, order = ops.top_k(ops.where(seen, ranks, -1.0), number)
        chosen = {
            name: ops.take_along_axis(
                values, order[..., None] if name == "boxes" else order, axis=1
            )
            for name, values in labels.items()
        }
        best = ops.max(found["confidence"], axis=1)
        told = ops.logical_or(ops.any(sure, axis=1), best < self.empty_score)
        fits = ops.sum(ops.cast(seen, "int32"), axis=1) <= number
        return {**chosen, "is_told": ops.logical_and(told, fits)}


def _score_of_rank(scores, rank):
    """The score of a rank, counted from 1, of descending ones; 0 beyond the last."""
    return scores[rank - 1] if rank <= len(scores) else 0.0
