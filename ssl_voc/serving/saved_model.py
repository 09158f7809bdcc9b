"""SavedModel writer: a model that needs tensorflow and nothing else."""

import collections
import pathlib

import tensorflow as tf

from ssl_voc.serving.served_model import ServedModel
from ssl_voc.serving.warm_up import write_warm_up_requests

MAX_PIXELS = 40_000_000
# Operations that call Python, or that only XLA can run.
_FOREIGN_PREFIXES = ("Xla",)
_FOREIGN = ("PyFunc", "PyFuncStateless", "EagerPyFunc", "NumpyFunction")


def write_saved_model(
    model, path, *, model_name="model", max_pixels=MAX_PIXELS, **arguments
):
    """Writes a `ServedModel` with its signatures and warm-up requests.

    Preprocessing comes as functions, so that what is served is what was trained with.

    Args:
        model: As of `ServedModel`.
        path: Folder to write; may exist, empty.
        model_name: Name that the model is served by; warm-up requests carry it.
        max_pixels: As of `ServedModel`.
        **arguments: Its further ones.

    Returns:
        Dictionary of facts: `"num_operations"`, `"num_warm_up_requests"` and
        `"num_bytes"`.

    Raises:
        ValueError: when the arguments do not fit each other, or the graph holds
            operations that a server has not.
    """
    path = pathlib.Path(path)
    served = ServedModel(model, max_pixels=max_pixels, **arguments)
    tf.saved_model.save(
        served,
        str(path),
        signatures=served.signatures(),
        # Python's source lines are useless to a server and name paths of this machine.
        options=tf.saved_model.SaveOptions(save_debug_info=False),
    )
    operations = operations_of(path)
    foreign = [
        name
        for name in sorted(operations)
        if name in _FOREIGN or name.startswith(_FOREIGN_PREFIXES)
    ]
    if foreign:
        raise ValueError(
            "The graph holds operations that call Python or that only XLA can run, "
            f"which a server has not: {', '.join(foreign)}"
        )
    return {
        "num_operations": sum(operations.values()),
        "num_warm_up_requests": write_warm_up_requests(path, model_name),
        "num_bytes": folder_bytes(path),
    }


def operations_of(path):
    """Counts the operations of a SavedModel, those inside its functions included.

    Args:
        path: Folder of the SavedModel.

    Returns:
        `collections.Counter` of the operations' names.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    content = (pathlib.Path(path) / "saved_model.pb").read_bytes()
    graph = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].graph_def
    nodes = [*graph.node]
    for function in graph.library.function:
        nodes += function.node_def
    return collections.Counter(node.op for node in nodes)


def folder_bytes(path):
    """Size of all files of a folder in bytes."""
    return sum(p.stat().st_size for p in pathlib.Path(path).rglob("*") if p.is_file())
