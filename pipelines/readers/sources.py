"""The one argument that names data, whatever it is."""

import os
import pathlib

import numpy as np

from pipelines.photos.photo import Photos
from pipelines.readers.arrays import read_arrays, read_npz
from pipelines.readers.coco import read_coco
from pipelines.readers.folder import read_folder
from pipelines.readers.voc import read_voc, voc_trees

UNDERSTOOD = (
    "a folder of photos, a VOC tree or devkit, a COCO .json file, an .npz file, "
    "tfds:NAME, or scenes"
)


def read(source, split=None) -> Photos:
    """Lists the photos of a source, with their annotations, without decoding them.

    Args:
        source: One of the following, or a list of several:

            - path of a folder of photos, see `read_folder`;
            - path of a VOC tree or devkit, see `read_voc`;
            - path of a COCO `.json` file, see `read_coco`;
            - path of an `.npz` file, or arrays, see `read_npz` and `read_arrays`;
            - `"tfds:voc/2007"`: a TensorFlow Datasets name, see `read_tfds`;
            - `"scenes"`: the data set that the project draws (a folder of that name
              is `"./scenes"`).
        split: Name of a split, which each source must have. Without it, a source that
            has a split `train` gives that one, any other gives all of its photos.

    Returns:
        `Photos`; its `problems` lists what was wrong with annotations.

    Raises:
        FileNotFoundError: If a path does not exist.
        ValueError: If a source is not understood, empty, or named twice.
    """
    if isinstance(source, list | tuple):
        return _read_several(source, split)
    if isinstance(source, np.ndarray | dict):
        _refuse_split(split, "arrays have")
        return read_arrays(source)
    if not isinstance(source, str | os.PathLike):
        raise ValueError(
            f"`source` must be {UNDERSTOOD}, arrays, or a list of these. Received: "
            f"{type(source).__name__}"
        )
    return _read_path(source, split, name=None)


def _read_several(sources, split):
    if not sources:
        raise ValueError("`source` is an empty list: name at least one source.")
    repeated = [source for source, _ in _repetitions(sources)]
    if repeated:
        raise ValueError(
            f"`source` names {repeated[0]} twice; its photos would be their own "
            "negatives. Leave one out."
        )
    parts = [read(source, split) for source in sources]
    names = [part.name for part in parts]
    for index, source in enumerate(sources):
        is_path = isinstance(source, str | os.PathLike)
        if names.count(parts[index].name) > 1 and is_path:
            # Two folders may both be called `images`: tell them apart by their path.
            parts[index] = _read_path(source, split, name=str(source))
    return Photos(
        (photo for part in parts for photo in part),
        " + ".join(part.name for part in parts),
        [problem for part in parts for problem in part.problems],
    )


def _repetitions(sources):
    seen = set()
    for source in sources:
        if not isinstance(source, str | os.PathLike):
            continue
        key = source if _is_keyword(source) else os.path.realpath(source)
        if key in seen:
            yield source, key
        seen.add(key)


def _is_keyword(source):
    return isinstance(source, str) and (
        source == "scenes" or source.startswith("tfds:")
    )


def _read_path(source, split, name):
    if _is_keyword(source):
        return _read_keyword(source, split)
    path = pathlib.Path(source).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{source} does not exist. Expected {UNDERSTOOD}.")
    if path.is_dir():
        if voc_trees(path):
            return read_voc(path, split, name)
        return read_folder(path, split, name)
    if path.suffix.lower() == ".json":
        _refuse_split(split, f"{source} is one split and has")
        return read_coco(path, name)
    if path.suffix.lower() == ".npz":
        _refuse_split(split, f"{source} has")
        return read_npz(path, name)
    raise ValueError(f"{source} is a file of an unknown kind. Expected {UNDERSTOOD}.")


def _read_keyword(source, split):
    if source.startswith("tfds:"):
        from pipelines.readers.tfds import read_tfds

        return read_tfds(source.removeprefix("tfds:"), split)
    from pipelines.scenes import dataset

    return read_voc(dataset.scenes_folder(), split, name="scenes")


def _refuse_split(split, whose):
    if split is not None:
        raise ValueError(
            f"{whose} no splits, so {split!r} cannot be chosen. Leave the split out."
        )
