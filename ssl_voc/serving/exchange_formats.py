"""ONNX and LiteRT files of a model: numbers in, numbers out.

Neither format decodes photos or knows texts, so the caller decodes and letterboxes as
`pipelines` does, and finds the names of the classes beside the file.
"""

import time

import numpy as np
import tensorflow as tf

from ssl_voc.serving.served_model import ServedModel

ONNX_OPSET = 18
# What a caller has to do that the SavedModel does itself.
MISSING = {
    "onnx": "It takes photos decoded (RGB, EXIF orientation applied, transparency on "
    "white) and letterboxed, `squares`, with their `image_size`, in place of "
    "`image_bytes`, and answers no `class_names`, `image_size` and `errors`, nor "
    "`embedding`.",
    "litert": "It takes photos decoded (RGB, EXIF orientation applied, transparency on "
    "white) and letterboxed, `squares`, in place of `image_bytes`; its boxes are in "
    "pixels of the square: divide x by new width / width and y by new height / height "
    "(`pipelines.boxes_from_letterbox`) and clip. It answers no `class_names`, "
    "`image_size` and `errors`, nor `embedding`.",
}


def write_onnx(model, path, *, rank, class_names, boxes_from_letterbox):
    """Writes a model as an ONNX file; needs tf2onnx.

    Inputs are `squares`, uint8 `(n, size, size, 3)`, letterboxed photos, and
    `image_size`, int32 `(n, 2)`; outputs those of `ServedModel.serve_squares`.

    Args:
        model: `ssl_voc.Localizer` or `ssl_voc.Detector`.
        path: File to write.
        rank: As of `ServedModel`.
        class_names: Names of the classes.
        boxes_from_letterbox: `pipelines.boxes_from_letterbox`, or a function alike.

    Raises:
        ImportError: without tf2onnx.
        ValueError: when the model uses an operation that ONNX lacks.
    """
    import tf2onnx

    served = ServedModel(model, rank, class_names, None, boxes_from_letterbox, 0)
    size = model.image_shape[0]
    signature = [
        tf.TensorSpec((None, size, size, 3), tf.uint8, name="squares"),
        tf.TensorSpec((None, 2), tf.int32, name="image_size"),
    ]
    traced = tf.function(
        served.serve_squares, autograph=False, input_signature=signature
    )
    tf2onnx.convert.from_function(
        traced, input_signature=signature, opset=ONNX_OPSET, output_path=str(path)
    )


def write_litert(model, path, *, rank, class_names, boxes_from_letterbox=None):
    """Writes a model as a LiteRT (TensorFlow Lite) file of built-in operations.

    The input is `squares`, uint8 `(n, size, size, 3)`, letterboxed photos; boxes are in
    pixels of the square, since the mapping back needs operations LiteRT lacks.

    Args:
        model: `ssl_voc.Localizer` or `ssl_voc.Detector`.
        path: File to write.
        rank: As of `ServedModel`.
        class_names: Names of the classes.
        boxes_from_letterbox: Not used: see above.

    Raises:
        tf.lite's `ConverterError`: when the model uses an operation that LiteRT lacks.
    """
    served = ServedModel(model, rank, class_names, None, lambda boxes, *_: boxes, 0)
    size = model.image_shape[0]

    def serve(squares):
        sizes = tf.fill((tf.shape(squares)[0], 2), size)
        return served.serve_squares(squares, sizes)

    spec = tf.TensorSpec((None, size, size, 3), tf.uint8, name="squares")
    traced = tf.function(serve, autograph=False).get_concrete_function(spec)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], served)
    path.write_bytes(converter.convert())


def ask_onnx(path, squares, image_size):
    """Answers of an ONNX file, by onnxruntime; see `ask_one_by_one`."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]

    def ask(row):
        inputs = {"squares": squares[row], "image_size": image_size[row]}
        return dict(zip(names, session.run(None, inputs), strict=True))

    return ask_one_by_one(ask, len(squares))


def ask_litert(path, squares, image_size):
    """Answers of a LiteRT file, boxes in pixels of the square; see `ask_one_by_one`."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        Interpreter = tf.lite.Interpreter
    runner = Interpreter(model_path=str(path)).get_signature_runner()
    return ask_one_by_one(lambda row: runner(squares=squares[row]), len(squares))


def ask_one_by_one(ask, num_photos):
    """Dictionary of NumPy arrays, and seconds `(num_photos,)` that each photo took."""
    ask(slice(0, 1))
    answers, seconds = [], []
    for row in range(num_photos):
        start = time.perf_counter()
        answers.append(ask(slice(row, row + 1)))
        seconds.append(time.perf_counter() - start)
    found = {
        name: np.concatenate([answer[name] for answer in answers])
        for name in answers[0]
    }
    return found, np.array(seconds)
