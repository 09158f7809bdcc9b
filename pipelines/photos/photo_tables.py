"""Tables of photos in a run folder: training, validation and held-out photos."""

import dataclasses
import pathlib

import numpy as np

from pipelines.photos.names import same_name
from pipelines.photos.photo import Photos

COLUMNS = ("image_id", "source", "perceptual_hash")


@dataclasses.dataclass(frozen=True, slots=True)
class PhotoTable:
    """A list of photos that a run has written.

    Attributes:
        path_name: The file, for messages.
        image_ids: Tuple of image ids.
        sources: Tuple of names of sources.
        hashes: uint64 array `(num_photos,)` of perceptual hashes.
    """

    path_name: str
    image_ids: tuple[str, ...]
    sources: tuple[str, ...]
    hashes: np.ndarray

    def __len__(self):
        return len(self.image_ids)


def photo_table(photos, hashes) -> str:
    """Text of a tab-separated list of photos, with a line that names the columns.

    Args:
        photos: Iterable of `Photo`.
        hashes: Perceptual hash of each photo, written as 16 hexadecimal digits.
    """
    return _format_rows(
        # A tab or a line break in a file's name would shift the columns.
        (_one_field(photo.image_id), _one_field(photo.source), value)
        for photo, value in zip(photos, hashes, strict=True)
    )


def problem_table(problems) -> str:
    """Text of a list of what was left out: place, tab, reason; maybe empty.

    Args:
        problems: Iterable of `Problem`.
    """
    pairs = ((item.path_name, item.reason) for item in problems)
    return "".join("\t".join(map(_one_field, pair)) + "\n" for pair in pairs)


def read_photo_table(path) -> PhotoTable:
    """Reads a list that `photo_table` gave, such as a pretraining's `photos.tsv`.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the file is no such list.
    """
    path = pathlib.Path(path)
    # Only "\n" ends a line: a name may hold what else Unicode calls a line break.
    lines = path.read_bytes().decode("utf-8", "replace").split("\n")
    columns = tuple(lines[0].rstrip("\r").split("\t"))
    if columns != COLUMNS:
        raise ValueError(
            f"{path} is not a list of photos: its first line must be the columns "
            f"{' '.join(COLUMNS)}. Received: {lines[0][:80]!r}"
        )
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        row = line.rstrip("\r").split("\t")
        if len(row) != len(columns):
            raise ValueError(
                f"{path}, line {number}: expected {len(columns)} columns, as in the "
                f"first line. Received: {line[:80]!r}"
            )
        rows.append(row)
    image_ids, sources, hashes = zip(*rows, strict=True) if rows else ((), (), ())
    try:
        hashes = np.array([int(text, 16) for text in hashes], "uint64")
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{path}: a perceptual hash must have 16 hexadecimal digits: {error}"
        ) from None
    return PhotoTable(str(path), image_ids, sources, hashes)


def join_photo_tables(tables) -> str:
    """Text of a list of the photos of several lists, each of them once.

    Args:
        tables: Iterable of `PhotoTable`.
    """
    rows = (
        row
        for table in tables
        for row in zip(table.image_ids, table.sources, table.hashes, strict=True)
    )
    return _format_rows(dict.fromkeys(rows))


def _format_rows(rows):
    """Text of a list of `(image_id, source, hash)`, below the names of the columns."""
    lines = [COLUMNS, *((*names, f"{int(value):016x}") for *names, value in rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


def select_photos(photos, table: PhotoTable) -> Photos:
    """The photos that a list names, in the order of `photos`.

    Raises:
        ValueError: If a photo of the list is not among the photos.
    """
    listed = zip(table.sources, table.image_ids, strict=True)
    wanted = {tuple(map(same_name, key)): key for key in listed}
    keys = [
        tuple(same_name(_one_field(name)) for name in (photo.source, photo.image_id))
        for photo in photos
    ]
    known = set(keys)
    missing = [written for key, written in wanted.items() if key not in known]
    if missing:
        source, image_id = missing[0]
        raise ValueError(
            f"{len(missing)} of the {len(wanted)} photos that {table.path_name} lists "
            f"are not in {photos.name}; the first is {image_id!r} of {source!r}. Name "
            "the data the list was made from."
        )
    return photos.take(row for row, key in enumerate(keys) if key in wanted)


def _one_field(text):
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\t", " ").replace("\n", " ").replace("\r", " ")
