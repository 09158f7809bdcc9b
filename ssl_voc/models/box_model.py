"""Base class of models that learn boxes."""

import keras
from keras import ops

from ssl_voc import boxes
from ssl_voc.models.cloning import resized, set_weights
from ssl_voc.models.configured_model import ConfiguredModel


class BoxModel(ConfiguredModel):
    """A model on a backbone, trained by KerasCV's dictionaries of images and boxes.

    A subclass has `decode_predictions(outputs)`, and a `call` that takes images, or the
    dictionary, whose targets it returns with its predictions.

    Attributes:
        backbone: The Keras model that it stands on.
        bounding_box_format: Format of targets and predictions.
        augmenter: Layer that augments images and boxes in xyxy while training, or None.
    """

    @property
    def image_shape(self):
        """`(height, width)` of the images in pixels."""
        return tuple(self.backbone.input_shape[1:3])

    def read_inputs(self, inputs, training=False):
        """Images and objects of what `call` takes, augmented while training.

        Args:
            inputs: Images, or a dictionary of `"images"`, `"bounding_boxes"` and, where
                known, `"difficult"`.
            training: Whether to augment.

        Returns:
            Tuple of the images and of a dictionary of `"boxes"` `(batch, n, 4)`, xyxy,
            `"classes"` `(batch, n)`, float32, and, where known, `"difficult"` `(batch,
            n)`; None in its place where there are no boxes.
        """
        if not isinstance(inputs, dict):
            return inputs, None
        images, objects = inputs["images"], self._objects(inputs)
        if training and objects is not None and self.augmenter is not None:
            return self._augment(images, objects)
        return images, objects

    def compile_from_config(self, config):
        config = keras.saving.deserialize_keras_object(config)
        self.compile(**config)
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def train_step(self, *args):
        return super().train_step(*args[:-1], inputs_of(args[-1]))

    def test_step(self, *args):
        return super().test_step(*args[:-1], inputs_of(args[-1]))

    def predict_step(self, *args):
        outputs = super().predict_step(*args)
        if isinstance(outputs, tuple):  # jax returns its state, too
            return self.decode_predictions(outputs[0]), *outputs[1:]
        return self.decode_predictions(outputs)

    def at_image_size(self, image_size):
        """A copy that takes images of another size, to predict with.

        Args:
            image_size: Side of the square images in pixels.
        """
        backbone = resized(self.backbone, image_size)
        config = {
            **self.get_config(),
            "backbone": keras.saving.serialize_keras_object(backbone),
            "augmenter": None,  # it has the size of the images that are trained on
        }
        copy = self.from_config(config)
        copy.build()
        set_weights(copy, self.get_weights())
        copy.jit_compile = self.jit_compile
        return copy

    def _objects(self, inputs):
        """Boxes in xyxy, classes and, where known, which are difficult."""
        if "bounding_boxes" not in inputs:
            return None
        given = inputs["bounding_boxes"]
        # Those to be augmented may be larger than what the backbone sees.
        shape = tuple(inputs["images"].shape[1:3]) if "images" in inputs else (None,)
        shape = self.image_shape if None in shape else shape
        objects = {
            "boxes": boxes.convert_format(
                given["boxes"], self.bounding_box_format, "xyxy", shape
            ),
            "classes": ops.cast(given["classes"], "float32"),
        }
        if "difficult" in inputs:
            objects["difficult"] = inputs["difficult"]
        if not objects["classes"].shape[1]:  # none at all, or as many as a batch has
            objects = {name: pad_objects(part, 1) for name, part in objects.items()}
        return objects

    def _augment(self, images, objects):
        objects = {**objects}
        inputs = {"images": images, "bounding_boxes": objects}
        if "difficult" in objects:
            inputs["difficult"] = objects.pop("difficult")
        augmented = self.augmenter(inputs, training=True)
        moved = {**augmented["bounding_boxes"]}
        if "difficult" in inputs:
            if "difficult" not in augmented:
                raise ValueError(
                    "`augmenter` was given `difficult` with the boxes, and must hand "
                    f"it on. Received: {sorted(augmented)}"
                )
            moved["difficult"] = augmented["difficult"]
        return augmented["images"], moved

    def _given(self, corners):
        """Boxes in xyxy in the format of targets and predictions."""
        return boxes.convert_format(
            corners, "xyxy", self.bounding_box_format, self.image_shape
        )


def pad_objects(values, number):
    """Boxes, classes or flags of objects with a number more, which are padding.

    Args:
        values: Tensor `(batch, n)` or `(batch, n, 4)`.
        number: Number of objects to add.
    """
    rest = [(0, 0)] * (len(values.shape) - 2)
    is_flag = keras.backend.standardize_dtype(values.dtype) == "bool"
    padding = False if is_flag else boxes.PADDING
    return ops.pad(values, [(0, 0), (0, number), *rest], constant_values=padding)


def inputs_of(data):
    """Keras' (images, targets) as the one dictionary that `BoxModel.call` takes."""
    images, targets, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    if targets is None:
        return data
    inputs = images if isinstance(images, dict) else {"images": images}
    return {**inputs, "bounding_boxes": targets}, None, sample_weight


def corners_of(model, values, side=None):
    """Boxes as a model takes and gives them, in xyxy, in pixels of its images.

    Args:
        model: A model of boxes, xyxy where it has no `bounding_box_format`.
        values: Boxes `(..., 4)`; padding becomes whatever it becomes.
        side: Side of the square images in pixels; by default the model's `image_shape`.

    Returns:
        Float32 array `(..., 4)`.
    """
    bounding_box_format = getattr(model, "bounding_box_format", "xyxy")
    shape = model.image_shape if side is None else (side, side)
    corners = boxes.convert_format(values, bounding_box_format, "xyxy", shape)
    return ops.convert_to_numpy(corners)


def given_boxes(targets):
    """Targets of `fit` as the inputs that `call` takes them from.

    Raises:
        ValueError: when there are none.
    """
    if targets is None:
        raise ValueError(
            "Training and evaluation need boxes: pass batches of "
            '{"images", "bounding_boxes": {"boxes", "classes"}}, or images and '
            "such targets. Received images alone."
        )
    return {"bounding_boxes": targets}
