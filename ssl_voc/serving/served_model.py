"""Signatures of a SavedModel: encoded photos in, boxes, scores and classes out."""

import tensorflow as tf

from ssl_voc import boxes
from ssl_voc.serving.image_decoding import decode_upright

# Photos of one request that are decoded at once: each may take hundreds of megabytes.
PARALLEL_PHOTOS = 4


class ServedModel(tf.Module):
    """Decoding, letterboxing, model and decoded predictions in one graph.

    `serve_bytes`, `serve_above`, `serve_pixels` and `embed` are the signatures of a
    SavedModel; all answers are in pixels of the upright photo at its full size. A photo
    that cannot be read has an error and no objects; its neighbours do not notice.

    Args:
        model: `ssl_voc.Localizer` or `ssl_voc.Detector`, or a Keras model alike: called
            on images it gives what its `decode_predictions` understands.
        rank: Function from what `decode_predictions` gives to a dictionary of
            `"boxes"` `(n, d, 4)`, `"scores"` and `"classes"` `(n, c)`, descending.
        class_names: Names of the classes, in the order of their indices.
        letterbox: Function from uint8 pixels `(height, width, 3)` and the side of the
            square to uint8 pixels of the square, of tensorflow operations.
        boxes_from_letterbox: Function from xyxy boxes `(n, m, 4)` in pixels of the
            square, sizes `(n, 2)` (height and width) and the side of the square to
            boxes in pixels of the photos, clipped to them.
        max_pixels: Photos that announce more are refused.

    Raises:
        ValueError: when class names or the model's image size do not fit.
    """

    def __init__(
        self, model, rank, class_names, letterbox, boxes_from_letterbox, max_pixels
    ):
        super().__init__(name="served_model")
        height, width = model.image_shape
        if height != width:
            raise ValueError(
                "Photos are letterboxed into squares: the model must take square "
                f"images. Received: model.image_shape={model.image_shape}"
            )
        if len(class_names) != model.num_classes:
            raise ValueError(
                f"The model scores {model.num_classes} classes. Received: "
                f"{len(class_names)} class names"
            )
        # Out of tensorflow's sight: it would save all that Keras knows of the model,
        # and the weights twice.
        self._get_model = lambda: model
        self._rank, self._image_size = rank, height
        self._letterbox = letterbox
        self._boxes_from_letterbox = boxes_from_letterbox
        self._max_pixels = max_pixels
        self._class_names = tuple(class_names)
        # Variables must be reachable from the root of a SavedModel.
        self._served_variables = [weight.value for weight in model.variables]

    def signatures(self):
        """The concrete function of each signature, by the signature's name."""
        encoded = tf.TensorSpec((None,), tf.string, name="image_bytes")
        pixels = tf.TensorSpec((None, None, None, 3), tf.uint8, name="pixels")
        threshold = tf.TensorSpec((None,), tf.float32, name="threshold")
        functions = {
            "serving_default": (self.serve_bytes, encoded),
            "above_threshold": (self.serve_above, encoded, threshold),
            "pixels": (self.serve_pixels, pixels),
            "features": (self.embed, encoded),
        }
        # Nothing here is Python that must become graph: autograph would only be slow.
        return {
            name: tf.function(
                function, autograph=False, jit_compile=False
            ).get_concrete_function(*specs)
            for name, (function, *specs) in functions.items()
        }

    def serve_bytes(self, image_bytes):
        """Answers encoded photos.

        Args:
            image_bytes: Strings `(n,)`, JPEG or PNG files.

        Returns:
            Dictionary of `"boxes"` float32 `(n, d, 4)`, xyxy, clipped to the photo;
            `"scores"` float32 `(n, c)`, descending; `"classes"` int32 `(n, c)`;
            `"class_names"` strings `(n, c)`; `"num_detections"` int32 `(n,)`;
            `"image_size"` int32 `(n, 2)`, height and width of the upright photo; and
            `"errors"` strings `(n,)`, empty where all went well. For a detector `c` is
            `d` and padding is -1 and `""`; for a localizer `d` is 1 and `c` the number
            of classes.
        """
        return self._answer(*self._read(image_bytes))

    def serve_above(self, image_bytes, threshold):
        """Answers encoded photos by what is confident enough.

        Args:
            image_bytes: Strings `(n,)`, JPEG or PNG files.
            threshold: float32 `(n,)`, the lowest score that is kept, for each photo.

        Returns:
            What `serve_bytes` returns, the rest of it padding.

        Raises:
            tf.errors.InvalidArgumentError: when there are more of the one than of the
                other, which broadcasting would answer.
        """
        is_for_each = tf.debugging.assert_equal(
            tf.size(threshold),
            tf.size(image_bytes),
            "expected a threshold for each image",
        )
        with tf.control_dependencies([is_for_each]):
            answer = self.serve_bytes(tf.identity(image_bytes))
        kept = answer["scores"] >= threshold[:, None]
        is_box = kept[:, : answer["boxes"].shape[1]]
        number = tf.reduce_sum(tf.cast(is_box, tf.int32), axis=1)
        return answer | {
            "boxes": tf.where(is_box[..., None], answer["boxes"], -1.0),
            "scores": tf.where(kept, answer["scores"], -1.0),
            "classes": tf.where(kept, answer["classes"], -1),
            "class_names": tf.where(kept, answer["class_names"], ""),
            "num_detections": tf.minimum(number, answer["num_detections"]),
        }

    def serve_pixels(self, pixels):
        """Answers decoded photos of one size.

        Args:
            pixels: uint8 `(n, height, width, 3)`, RGB in `[0, 255]`.

        Returns:
            What `serve_bytes` returns.
        """
        return self._answer(*self._prepare(pixels, lambda photo: (photo, "")))

    def serve_squares(self, squares, image_size):
        """Answers photos that the caller has decoded and letterboxed.

        Numbers alone come in and go out: for formats that know neither files nor texts.

        Args:
            squares: uint8 `(n, size, size, 3)`, RGB in `[0, 255]`.
            image_size: int32 `(n, 2)`, height and width of the photos.

        Returns:
            `"boxes"`, `"scores"`, `"classes"` and `"num_detections"` of `serve_bytes`.
        """
        model = self._get_model()
        found = model.decode_predictions(model(_not_empty(squares), training=False))
        found = {name: values[: tf.shape(squares)[0]] for name, values in found.items()}
        ranked = self._rank(found)
        classes = tf.cast(ranked["classes"], tf.int32)
        corners = boxes.convert_format(
            ranked["boxes"], model.bounding_box_format, "xyxy", model.image_shape
        )
        corners = tf.cast(corners, tf.float32)
        # A photo that could not be read has no size.
        known = tf.maximum(image_size, 1)
        corners = self._boxes_from_letterbox(corners, known, self._image_size)
        is_box = (classes >= 0)[:, : corners.shape[1]]
        return {
            "boxes": tf.where(is_box[..., None], corners, -1.0),
            "scores": tf.cast(ranked["scores"], tf.float32),
            "classes": classes,
            "num_detections": tf.reduce_sum(tf.cast(is_box, tf.int32), axis=1),
        }

    def embed(self, image_bytes):
        """Describes encoded photos by the mean of their feature maps.

        Args:
            image_bytes: Strings `(n,)`, JPEG or PNG files.

        Returns:
            Dictionary of `"embedding"` float32 `(n, channels)`, zeros where a photo
            could not be read; and `"errors"` strings `(n,)`.
        """
        squares, _, errors = self._read(image_bytes)
        backbone = self._get_model().backbone
        features = backbone(_not_empty(squares), training=False)[: tf.shape(squares)[0]]
        embedding = tf.reduce_mean(tf.cast(features, tf.float32), axis=(1, 2))
        readable = tf.cast(errors == "", tf.float32)[:, None]
        return {"embedding": embedding * readable, "errors": errors}

    def _read(self, image_bytes):
        return self._prepare(
            image_bytes, lambda data: decode_upright(data, self._max_pixels)
        )

    def _prepare(self, photos, decode):
        """Squares uint8 `(n, size, size, 3)`, sizes int32 `(n, 2)`, errors `(n,)`."""

        def prepare_one(photo):
            pixels, error = decode(photo)
            size = tf.where(error == "", tf.shape(pixels)[:2], 0)
            return self._letterbox(pixels, self._image_size), size, error

        # Decoding has no kernels for accelerators.
        with tf.device("CPU:0"):
            return tf.map_fn(
                prepare_one,
                photos,
                fn_output_signature=(
                    tf.TensorSpec((self._image_size, self._image_size, 3), tf.uint8),
                    tf.TensorSpec((2,), tf.int32),
                    tf.TensorSpec((), tf.string),
                ),
                parallel_iterations=PARALLEL_PHOTOS,
            )

    def _answer(self, squares, sizes, errors):
        found = self.serve_squares(squares, sizes)
        readable = errors == ""
        classes = tf.where(readable[:, None], found["classes"], -1)
        names = tf.gather(tf.constant(["", *self._class_names]), classes + 1)
        return {
            "boxes": tf.where(readable[:, None, None], found["boxes"], -1.0),
            "scores": tf.where(readable[:, None], found["scores"], -1.0),
            "classes": classes,
            "class_names": names,
            "num_detections": tf.where(readable, found["num_detections"], 0),
            "image_size": sizes,
            "errors": errors,
        }


def _not_empty(squares):
    """Float32 images, a black one for none: fused convolutions fail on an empty batch.

    Cut what follows from it to the number of squares.
    """
    squares = tf.cast(squares, tf.float32)
    # Not by `tf.pad`, behind which converters know the shape no more.
    spare = tf.zeros((1, *squares.shape[1:]))
    return tf.concat([squares, spare], axis=0)[: tf.maximum(tf.shape(squares)[0], 1)]
