"""Keras model that learns boxes from labelled and unlabelled photos together."""

import keras
from keras import ops

from ssl_voc import boxes
from ssl_voc.models.box_model import BoxModel, given_boxes, pad_objects
from ssl_voc.models.pseudo_labeler import PseudoLabeler

# Arguments of `compile` that say how a step runs.
_STEP_ARGUMENTS = ("run_eagerly", "steps_per_execution", "auto_scale_loss")


class SemiSupervisedModel(BoxModel):
    """Trains a `Localizer` or `Detector` on photos of which few have boxes.

    Beside the photos with boxes a batch may hold others, `"unlabeled"`. A teacher, the
    moving average of the student's weights, labels them as they are, see
    `PseudoLabeler`; then both kinds are one batch: augmented, mosaics and all, and
    learned alike, so that batch norms see them together. What the teacher is not sure
    of is `difficult` and teaches nothing; nor does what lies beside the boxes of a
    photo that is not `"is_told"`.

    The train step is Keras' own. Metrics are of the photos with boxes (and of what lies
    beside them in mosaics). `compile`, `evaluate` and `predict` are those of the
    student, which holds the result and is what to save: this model itself is not.

    Args:
        student: The `Localizer` or `Detector`, built, with its augmenter.
        pseudo_labels: `ssl_voc.layers.MainObjectPseudoLabels` or `ObjectPseudoLabels`.
        momentum: Share of itself that the teacher keeps in a step, in `[0, 1]`.
        mirrors: Whether labels are confirmed in mirrored photos, see `PseudoLabeler`.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Call arguments:
        inputs: Images or dictionary of the student's; while training the dictionary may
            have `"unlabeled"`, images `(other_batch, size, size, 3)` in `[0, 255]`.

    Returns:
        What the student returns, for all photos, the labelled ones first.

    Example:

    >>> model = ssl_voc.models.SemiSupervisedModel(
    ...     detector, ssl_voc.layers.ObjectPseudoLabels(num_classes=5)
    ... )
    >>> model.compile(keras.optimizers.AdamW(1e-3, global_clipnorm=10.0))
    >>> model.fit(batches_with_unlabeled, steps_per_epoch=40, epochs=30)
    >>> detector.save("detector.keras")

    Reference:
        - [Liu et al., 2021](https://arxiv.org/abs/2102.09480), a teacher that is the
          average of the student labels photos for it
        - [Xu et al., 2021](https://arxiv.org/abs/2106.09018), both in one batch
    """

    def __init__(self, student, pseudo_labels, momentum=0.99, mirrors=True, **kwargs):
        super().__init__(**kwargs)
        self.student = student
        self.labeler = PseudoLabeler(student, pseudo_labels, momentum, mirrors)
        self.pool_used = keras.metrics.Mean(name="pool_used")
        self.built = True  # student and teacher are

    @property
    def backbone(self):
        """That of the student."""
        return self.student.backbone

    @property
    def augmenter(self):
        """That of the student."""
        return self.student.augmenter

    @property
    def num_classes(self):
        """Number of classes of the student."""
        return self.student.num_classes

    @property
    def bounding_box_format(self):
        """That of the student."""
        return self.student.bounding_box_format

    @property
    def metrics(self):
        own = [self._loss_tracker] if self.compiled else []
        others = self.student.metrics if self.compiled else []
        theirs = getattr(self.student, "_loss_tracker", None)
        others = [metric for metric in others if metric is not theirs]
        return [*own, *others, self.pool_used]

    def compile(self, optimizer="adamw", jit_compile="auto", **kwargs):
        """Configures training; arguments are those of the student's `compile`."""
        self.student.compile(optimizer, jit_compile=jit_compile, **kwargs)
        # Of the step, which is this model's.
        own = {name: kwargs[name] for name in _STEP_ARGUMENTS if name in kwargs}
        # The same optimizer: in half precision the student's scales the loss.
        super().compile(self.student.optimizer, jit_compile=jit_compile, **own)
        self.labeler.jit_compile = self.jit_compile

    def _symbolic_build(self, iterator=None, data_batch=None):
        """Makes the state of the losses and metrics, which are the student's, first.

        Made in a traced step they would be lost under several replicas, and cost a
        second trace.
        """
        if data_batch is None:
            _, _, batches = next(iter(iterator))
            data_batch = next(iter(batches))
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data_batch)
        labelled = {**x} if isinstance(x, dict) else x
        if isinstance(x, dict):
            labelled.pop("unlabeled", None)
        self.student._symbolic_build(data_batch=(labelled, y, sample_weight))
        super()._symbolic_build(data_batch=data_batch)

    def call(self, inputs, training=False):
        if isinstance(inputs, dict) and "unlabeled" in inputs:
            inputs = {**inputs}
            unlabeled = inputs.pop("unlabeled")
            if training:
                inputs, used = self._join(inputs, unlabeled)
                outputs = self.student(inputs, training=True)
                return {**outputs, "pool_used": used}
        return self.student(inputs, training=training)

    def decode_predictions(self, outputs):
        """What `predict` returns, see the student's."""
        return self.student.decode_predictions(outputs)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        if training:
            # After the optimizer's last step, and where nothing rounds weights.
            self.labeler.teacher.update(self.student)
        sample_weight = _with_pool(sample_weight, y_pred)
        return self.student.compute_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        y_pred = {**y_pred}
        used = y_pred.pop("pool_used", None)
        if used is not None:
            self.pool_used.update_state(used)
            # The teacher's own labels are nothing to be measured by.
            number = ops.shape(y_pred["classes"])[0] - ops.shape(used)[0]
            y_pred = keras.tree.map_structure(lambda part: part[:number], y_pred)
        self.student.compute_metrics(x, y, y_pred, sample_weight)
        results = self.get_metrics_result()
        return results if used is not None else _without(results, "pool_used")

    def get_config(self):
        raise NotImplementedError(
            "This model is not saved; its student is: model.student.save(path). "
            "ModelCheckpoint takes save_weights_only=True."
        )

    def _join(self, inputs, unlabeled):
        """Labelled photos and those that the teacher labels, as one batch.

        Returns:
            Tuple of the dictionary of the batch, and of `(other_batch,)`: 1 for photos
            with a label that is sure.
        """
        given = inputs.get("bounding_boxes") or given_boxes(None)
        if given["classes"].shape[1] is None:
            raise ValueError(
                '`"bounding_boxes"` beside `"unlabeled"` must be padded to a number of '
                f"boxes that is known. Received: shape={given['classes'].shape}"
            )
        theirs = keras.tree.map_structure(
            ops.stop_gradient, self.labeler(unlabeled, training=False)
        )
        ours = {
            "boxes": ops.cast(given["boxes"], "float32"),
            "classes": ops.cast(given["classes"], "float32"),
        }
        ours["difficult"] = ops.cast(
            inputs.get("difficult", ops.zeros_like(ours["classes"])), "bool"
        )
        labels = _with_unknown(theirs, self.image_shape)
        labels["boxes"] = boxes.convert_format(
            labels["boxes"], "xyxy", self.bounding_box_format, self.image_shape
        )
        width = max(ours["classes"].shape[1], labels["classes"].shape[1])
        joined = {
            name: ops.concatenate(
                [
                    pad_objects(part[name], width - part[name].shape[1])
                    for part in (ours, labels)
                ],
                axis=0,
            )
            for name in labels
        }
        images = [ops.cast(part, "float32") for part in (inputs["images"], unlabeled)]
        batch = {
            "images": ops.concatenate(images, axis=0),
            "difficult": joined.pop("difficult"),
            "bounding_boxes": joined,
        }
        sure = ops.logical_and(
            boxes.is_object(labels["classes"]), ops.logical_not(labels["difficult"])
        )
        return batch, ops.cast(ops.any(sure, axis=1), "float32")


def _with_pool(sample_weight, outputs):
    """Weights `(batch,)` of labelled photos, with 1 for each that the teacher labels.

    Args:
        sample_weight: As `fit` gives it, or None.
        outputs: What `call` gave, with `"pool_used"` where photos were added.
    """
    if sample_weight is None or "pool_used" not in outputs:
        return sample_weight
    given = ops.reshape(keras.tree.flatten(sample_weight)[0], (-1,))
    others = ops.ones_like(outputs["pool_used"])
    return ops.concatenate([ops.cast(given, "float32"), others], axis=0)


def _with_unknown(labels, image_shape):
    """Labels with a difficult box over each photo whose background is not known.

    Args:
        labels: Dictionary that `PseudoLabels` gives.
        image_shape: Tuple `(height, width)` of the photos.

    Returns:
        Dictionary of `"boxes"`, `"classes"` and `"difficult"`, of a box more a photo.
    """
    unknown = ops.logical_not(labels["is_told"])[:, None]
    height, width = map(float, image_shape)
    whole = ops.convert_to_tensor([[[0.0, 0.0, width, height]]])
    boxes_of_all = ops.where(unknown[..., None], whole, boxes.PADDING)
    added = {
        "boxes": boxes_of_all,
        "classes": ops.where(unknown, 0.0, boxes.PADDING),
        "difficult": unknown,
    }
    return {
        name: ops.concatenate([labels[name], values], axis=1)
        for name, values in added.items()
    }


def _without(logs, name):
    return {key: value for key, value in logs.items() if key != name}
