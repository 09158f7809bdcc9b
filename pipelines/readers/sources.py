"""Registry of readers, and the one argument that names data, whatever it is."""

import os
import pathlib
import typing

import numpy as np

from pipelines.photos.photo import Photos, join_photos
from pipelines.readers import (
    arrays,
    coco,
    coco_folders,
    folder,
    scenes,
    tfds,
    voc,
    yolo,
)
from pipelines.readers.duplicate_files import drop_repeated_files


class Reader(typing.Protocol):
    """What a reader has to offer; a module of `pipelines.readers` is one.

    Attributes:
        KIND: What the source is called in messages, such as "a VOC tree".
        IS_KEYWORD: Optional; true where sources are words such as `scenes`, no paths.
    """

    KIND: str

    def recognizes(self, source) -> bool:
        """Whether a source is of this kind: a path, a keyword, or arrays."""

    def splits(self, source) -> tuple[str, ...]:
        """Names of the splits that can be read.

        `("all",)` means a whole that nobody has split yet, `()` a source that is one
        split itself or has none.
        """

    def read(self, source, split=None, progress=None) -> Photos:
        """Lists the photos, see `pipelines.read`."""


# The first that recognizes a source reads it.
READERS: tuple[Reader, ...] = (
    scenes,
    tfds,
    arrays,
    coco,
    coco_folders,
    voc,
    yolo,
    folder,
)


def read(source, split=None, progress=None) -> Photos:
    """Lists the photos of a source, with their annotations, without decoding them.

    Args:
        source: What one of the readers recognizes, or a list of several:

            - path of a folder of photos, see `pipelines.readers.folder.read`;
            - path of a VOC tree or devkit, see `voc.read`;
            - path of a COCO `.json` file, see `coco.read`, or of folders with one
              each, see `coco_folders.read`;
            - path of a YOLO `data.yaml`, or of its folder, see `yolo.read`;
            - path of an `.npz` file, or arrays, see `arrays.read`;
            - `"tfds:voc/2007"`: a TensorFlow Datasets name, see `tfds.read`;
            - `"scenes"`: the data set that the project draws (a folder of that name
              is `"./scenes"`).
        split: Name of a split, which each source must have. Without it, a source that
            has a split `train` gives that one, any other gives all of its photos.
        progress: Optional callable `(done, total)`, called where reading takes long.

    Returns:
        `Photos`; its `problems` lists what was wrong with annotations.

    Raises:
        FileNotFoundError: If a path does not exist.
        ValueError: If a source is not understood, empty, or named twice.
    """
    sources = as_list(source)
    return join_photos(read_parts(sources, [split] * len(sources), progress))


def as_list(source) -> list:
    """The sources that an argument names: several, or one."""
    return [*source] if isinstance(source, list | tuple) else [source]


def read_parts(sources, chosen, progress=None) -> list[Photos]:
    """Reads each of several sources, see `read`; their names are told apart.

    A file that several of them name stands in one of them, see `duplicate_files`.

    Args:
        sources: List of sources.
        chosen: Name of a split of each, or None.
        progress: See `read`.
    """
    if not sources:
        raise ValueError("`source` is an empty list: name at least one source.")
    found = [_find(part) for part in sources]
    seen = set()
    for part, (reader, path) in zip(sources, found, strict=True):
        if not isinstance(path, str | os.PathLike):
            continue
        key = reader, os.path.realpath(path)
        if key in seen:
            raise ValueError(
                f"`source` names {part} twice; its photos would count twice. Leave one "
                "out."
            )
        seen.add(key)
    parts = [
        reader.read(path, split, progress)
        for (reader, path), split in zip(found, chosen, strict=True)
    ]
    names = [part.name for part in parts]
    # Two folders may both be called `images`: tell them apart by their path.
    named = [
        part.renamed(str(path))
        if names.count(part.name) > 1 and isinstance(path, str | os.PathLike)
        else part
        for part, path in zip(parts, sources, strict=True)
    ]
    return drop_repeated_files(named)


def splits(source) -> tuple[str, ...]:
    """Names of the splits of one source, see `Reader.splits`.

    Raises:
        FileNotFoundError: If the path does not exist.
        ValueError: If the source is not understood.
    """
    reader, source = _find(source)
    return reader.splits(source)


def is_path(source) -> bool:
    """Whether a source that is text is a path, and no keyword such as `scenes`."""
    return not any(
        getattr(reader, "IS_KEYWORD", False) and reader.recognizes(source)
        for reader in READERS
    )


def place_of(source) -> str:
    """Where a source that is text lies, however spelled: its real path, or keyword."""
    if not is_path(source):
        return source
    return os.path.realpath(os.path.expanduser(str(source)))


def _find(source):
    """The reader of a source, and the source with `~` expanded."""
    kinds = [reader.KIND for reader in reversed(READERS)]
    understood = f"{', '.join(kinds[:-1])} or {kinds[-1]}"
    if isinstance(source, str):
        source = os.path.expanduser(source)  # no path: "scenes" is not Path("scenes")
    elif isinstance(source, os.PathLike):
        source = pathlib.Path(os.path.expanduser(source))
    elif not isinstance(source, np.ndarray | dict):
        raise ValueError(
            f"`source` must be {understood}, arrays, or a list of these. Received: "
            f"{type(source).__name__}"
        )
    for reader in READERS:
        if reader.recognizes(source):
            return reader, source
    if not pathlib.Path(source).exists():
        raise FileNotFoundError(f"{source} does not exist. Expected {understood}.")
    raise ValueError(f"{source} is a file of an unknown kind. Expected {understood}.")
