"""Warm-up requests, which TF Serving answers before it takes a version into use.

The first request of a session allocates and optimizes, which takes seconds: a server
plays these requests first. The file holds `tensorflow.serving.PredictionLog` messages.
They are put together by hand, a few fields of protobuf's wire format, so that exporting
needs no tensorflow-serving-api.
"""

import numpy as np
import tensorflow as tf

# Where TF Serving looks, beneath a version.
PLACE = "assets.extra/tf_serving_warmup_requests"
# A server whose `max_batch_size` is lower than one of these never uses the version.
BATCH_SIZES = (1, 8)
# Height and width of the pictures in pixels: of a usual photo.
PICTURE_SIZE = (375, 500)


def write_warm_up_requests(version, model_name):
    """Writes the warm-up file of a version.

    Args:
        version: Path of the version's folder.
        model_name: Name that the model is served by.

    Returns:
        Number of requests.
    """
    path = version / PLACE
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = draw_picture(*PICTURE_SIZE)
    encoded = tf.io.encode_jpeg(picture).numpy()
    requests = [
        predict_request(
            model_name, signature, image_bytes=np.array([encoded] * n), **more
        )
        for n in BATCH_SIZES
        for signature, more in (
            ("serving_default", {}),
            ("above_threshold", {"threshold": np.full(n, 0.5, "float32")}),
            ("features", {}),
        )
    ]
    requests.append(predict_request(model_name, "pixels", pixels=picture[None]))
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in requests:
            # PredictionLog.predict_log = 6, PredictLog.request = 1
            writer.write(_message(6, _message(1, request)))
    return len(requests)


def predict_request(model_name, signature, **inputs):
    """Serializes a `tensorflow.serving.PredictRequest` of arrays by name."""
    # PredictRequest.model_spec = 1: ModelSpec.name = 1, .signature_name = 3
    spec = _message(1, model_name.encode()) + _message(3, signature.encode())
    request = _message(1, spec)
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        # PredictRequest.inputs = 2, a map: key = 1, value = 2
        request += _message(2, _message(1, name.encode()) + _message(2, tensor))
    return request


def draw_picture(height, width):
    """A smooth uint8 picture `(height, width, 3)` that shows nobody's photo."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / 17 + y / 41), np.sin(y / 13), np.cos((x + y) / 29)]
    return np.uint8(127.5 + 120 * np.stack(waves, axis=-1))


def _message(number, content):
    """A field of protobuf's wire type 2: tag, length, content."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value):
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])
