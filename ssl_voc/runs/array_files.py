"""Files of named arrays: written at once, read with one error for damage."""

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssl_voc.runs.atomic_files import replacing


def numbered(name: str, values: Iterable[Any]) -> dict[str, Any]:
    """Names values by their places, such as `weight_00000`, so that files keep them."""
    return {f"{name}_{place:05d}": value for place, value in enumerate(values)}


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes an `.npz` file, which replaces `path` when it is complete and on disk.

    Kinds of floats that NumPy does not know, such as bfloat16, become float32, which
    holds their values: it would not read them again.
    """
    known = {
        name: values if values.dtype.kind in "biuf" else values.astype("float32")
        for name, values in arrays.items()
    }
    with replacing(path) as temporary:
        np.savez(temporary, **known)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Reads what `write_arrays` wrote, in its order.

    Raises:
        ValueError: when the file is missing or damaged.
        OSError: when the system refuses to open it.
    """
    try:
        file = open(path, "rb")
    except FileNotFoundError as error:
        raise ValueError(f"damaged: {error}.") from error
    try:
        with file:
            # Whatever else NumPy reads, it was not written here.
            if not zipfile.is_zipfile(file):
                raise ValueError("it is no npz file")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
    except MemoryError:
        raise
    except Exception as error:  # of zip or of NumPy's format
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(f"damaged: {reason}.") from error
