"""ONNX and LiteRT export with a parity check by the format's own runtime.

Neither format decodes photos or knows texts, so the caller decodes and letterboxes as
`pipelines` does, and finds the names of the classes beside the file.
"""

import time

import numpy as np
import tensorflow as tf

import pipelines
from ssl_voc.cli.errors import BadInput, is_full_disk, is_out_of_memory
from ssl_voc.export.comparison import compare_answers
from ssl_voc.export.parity_photos import answers_of_model
from ssl_voc.serving import ServedModel
from ssl_voc.tasks import task_of

ONNX_OPSET = 18
FILES = {"onnx": "model.onnx", "litert": "model.tflite"}
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


def write_exchange_file(config, finished, model, held, folder):
    """Writes a model for other runtimes than tensorflow's, and compares.

    Args:
        config: An `ExportConfig`, resolved, of format onnx or litert.
        finished: The `FinishedRun` to export.
        model: Its loaded model.
        held: `ParityPhotos` to compare on.
        folder: Folder to write to.

    Returns:
        Dictionary of facts, and `Parity` that holds.

    Raises:
        BadInput: when a library is missing, the format lacks an operation, or the file
            answers something else than the model.
    """
    is_onnx = config.format == "onnx"
    path = folder / FILES[config.format]
    # LiteRT lacks the operations that map boxes back to the photo.
    back = pipelines.boxes_from_letterbox if is_onnx else lambda boxes, *_: boxes
    rank = task_of(finished).rank
    served = ServedModel(model, rank, finished.class_names, None, back, 0)
    try:
        (_write_onnx if is_onnx else _write_litert)(served, held.images.shape[1], path)
        print(f"asking {path.name} by its own runtime", flush=True)
        ask = _onnx_session(path, held) if is_onnx else _litert_runner(path, held)
    except ImportError as error:
        raise BadInput(
            f"--format: {config.format} needs a library that is not installed "
            f"({error}): pip install '.[{config.format}]' in the checkout of ssl_voc"
        ) from error
    except Exception as error:
        if isinstance(error, OSError) or is_out_of_memory(error) or is_full_disk(error):
            raise  # not for what the model is
        # Converters raise whatever their compilers say, over pages.
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BadInput(
            f"--format: {config.format} cannot hold this model: {first}"
        ) from error
    found, seconds = _ask_one_by_one(ask, len(held.photos))
    if not is_onnx:
        # As the missing part of the file would do it.
        found["boxes"] = pipelines.boxes_from_letterbox(
            found["boxes"].astype("float64"), held.sizes, held.images.shape[1]
        )
    print("asking the model of RUN about the same photos", flush=True)
    parity = compare_answers(
        finished, held, answers_of_model(model, held), [found], seconds
    )
    return {"num_bytes": path.stat().st_size}, parity


def _write_onnx(served, size, path):
    """Signature and outputs are those of `ServedModel.serve_squares`."""
    import tf2onnx

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


def _write_litert(served, size, path):
    """The input is `squares` alone; operations are LiteRT's built-in ones."""

    def serve(squares):
        sizes = tf.fill((tf.shape(squares)[0], 2), size)
        return served.serve_squares(squares, sizes)

    spec = tf.TensorSpec((None, size, size, 3), tf.uint8, name="squares")
    traced = tf.function(serve, autograph=False).get_concrete_function(spec)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], served)
    path.write_bytes(converter.convert())


def _onnx_session(path, held):
    """A function from a slice of the photos to the answers of an ONNX file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    sizes = held.sizes.astype("int32")

    def ask(row):
        inputs = {"squares": held.images[row], "image_size": sizes[row]}
        return dict(zip(names, session.run(None, inputs), strict=True))

    return ask


def _litert_runner(path, held):
    """A function from a slice of the photos to the answers of a LiteRT file."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        Interpreter = tf.lite.Interpreter
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()  # raises for what the runtime cannot run
    runner = interpreter.get_signature_runner()
    return lambda row: runner(squares=held.images[row])


def _ask_one_by_one(ask, num_photos):
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
