"""Listing of the photos of a folder."""

import os
import pathlib

from pipelines.photos.photo import Problem

PHOTO_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp")
    + (".tif", ".tiff", ".ppm", ".pgm")
)


def is_photo_name(name: str) -> bool:
    """Whether a file of this name is expected to hold a photo.

    Hidden files are not: macOS leaves `._name.jpg` beside `name.jpg`.
    """
    path = pathlib.PurePosixPath(name)
    return (
        path.suffix.lower() in PHOTO_SUFFIXES
        and not path.name.startswith(".")
        and "__MACOSX" not in path.parts
    )


def list_files(folder: pathlib.Path, problems: list) -> list[pathlib.Path]:
    """Files below a folder at any depth, sorted by path.

    Links to folders are followed, each folder once; hidden folders are not entered.

    Args:
        folder: Path of the folder.
        problems: List to which a `Problem` is appended for a subfolder that cannot be
            read.

    Raises:
        ValueError: If the folder itself cannot be read.
    """

    def report(error):
        reason = error.strerror or str(error)
        if pathlib.Path(error.filename) == pathlib.Path(folder):
            raise ValueError(f"{folder} cannot be read: {reason}") from error
        problem = f"its files are left out: {reason}"
        problems.append(Problem(error.filename, problem, "folder unreadable"))

    visited = set()
    files = []
    for parent, folder_names, file_names in os.walk(
        folder, onerror=report, followlinks=True
    ):
        real_path = os.path.realpath(parent)
        if real_path in visited:
            folder_names.clear()
            continue
        visited.add(real_path)
        folder_names[:] = sorted(n for n in folder_names if not n.startswith("."))
        files += [pathlib.Path(parent, name) for name in file_names]
    return sorted(files)


def list_photos(folder: pathlib.Path, problems: list) -> list[pathlib.Path]:
    """Photos below a folder at any depth, sorted by path; see `list_files`."""
    files = list_files(folder, problems)
    return [path for path in files if is_photo_name(path.as_posix())]
