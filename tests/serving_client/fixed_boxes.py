"""A SavedModel with the signature of an exported one that answers fixed boxes."""

import numpy as np

from tests.serving.encoded import encode, picture

# Shares of width and height; scores; classes. The fourth place is padding.
BOXES = np.array([[0.1, 0.2, 0.5, 0.6], [0.25, 0.25, 1.0, 0.75], [0.0, 0.0, 0.2, 0.2]])
OUTPUTS = {
    "scores": np.array([0.9, 0.4, 0.2, -1], "float32"),
    "classes": np.array([1, 0, 2, -1], "int32"),
    "class_names": np.array(["dog", "cat", "owl", ""]),
}
NOTHING = {"scores": -1.0, "classes": -1, "class_names": ""}


def encoded_photo(width=20, height=10, format="JPEG"):
    """A photo as bytes of a file."""
    return encode(picture(width, height), format)


def save_model(folder, input_name="image_bytes"):
    """Writes the SavedModel of a detector.

    It ignores EXIF orientation, and takes the size of what it decodes for the photo's.
    """
    import tensorflow as tf

    module = tf.Module()
    spec = tf.TensorSpec((None,), tf.string, name=input_name)

    @tf.function(input_signature=[spec])
    def serve(image_bytes):
        sizes = tf.map_fn(
            _size_of, image_bytes, fn_output_signature=tf.TensorSpec((2,), tf.int32)
        )
        return _detect(sizes)

    module.serve = serve
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})
    return folder


def _size_of(data):
    """Height and width, or zeros where the bytes are no image."""
    import tensorflow as tf

    def decode(data):
        image = tf.io.decode_png(data, channels=3)  # or JPEG; no animation
        return tf.shape(image)[:2]

    decoded = tf.data.Dataset.from_tensors(data).map(decode).ignore_errors()
    nothing = tf.data.Dataset.from_tensors(tf.zeros(2, tf.int32))
    return decoded.concatenate(nothing).take(1).get_single_element()


def _detect(sizes):
    import tensorflow as tf

    found = tf.reduce_min(sizes, axis=1) > 0
    size = tf.cast(sizes, tf.float32)
    scale = tf.stack([size[:, 1], size[:, 0]] * 2, axis=1)[:, None]
    boxes = tf.pad(tf.constant(BOXES, tf.float32) * scale, [[0, 0], [0, 1], [0, 0]])
    is_object = found[:, None] & (OUTPUTS["classes"] >= 0)
    outputs = {
        name: tf.where(found[:, None], value[None], NOTHING[name])
        for name, value in OUTPUTS.items()
    }
    return {
        **outputs,
        "boxes": tf.where(is_object[..., None], boxes, -1.0),
        "num_detections": tf.where(found, len(BOXES), 0),
        "image_size": sizes,
        "errors": tf.where(found, "", "not an image that can be decoded"),
    }
