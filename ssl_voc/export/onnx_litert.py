"""ONNX and LiteRT export with a parity check by the format's own runtime."""

import pipelines
from ssl_voc.cli.errors import BadInput
from ssl_voc.export.comparison import compare_answers
from ssl_voc.export.model_card import FILES
from ssl_voc.export.parity_photos import answers_of_model
from ssl_voc.serving import exchange_formats
from ssl_voc.tasks import task_of

WRITERS = {
    "onnx": (exchange_formats.write_onnx, exchange_formats.ask_onnx),
    "litert": (exchange_formats.write_litert, exchange_formats.ask_litert),
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
    write, ask = WRITERS[config.format]
    path = folder / FILES[config.format]
    try:
        write(
            model,
            path,
            rank=task_of(finished).rank,
            class_names=finished.class_names,
            boxes_from_letterbox=pipelines.boxes_from_letterbox,
        )
        print(f"asking {path.name} by its own runtime", flush=True)
        found, seconds = ask(path, held.images, held.sizes.astype("int32"))
    except ImportError as error:
        raise BadInput(
            f"--format: {config.format} needs a library that is not installed "
            f"({error}): pip install 'ssl_voc[{config.format}]'"
        ) from error
    except Exception as error:
        # Converters raise whatever their compilers say, over pages.
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BadInput(
            f"--format: {config.format} cannot hold this model: {first}"
        ) from error
    if config.format == "litert":
        # As the missing part of the file would do it.
        found["boxes"] = pipelines.boxes_from_letterbox(
            found["boxes"].astype("float64"), held.sizes, held.images.shape[1]
        )
    parity = compare_answers(
        finished, held, answers_of_model(model, held), [found], seconds
    )
    return {"num_bytes": path.stat().st_size}, parity
