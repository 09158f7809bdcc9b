"""Listing of the photos of a folder."""

import os
import pathlib
import re

from pipelines.photos.photo import Problem
from pipelines.photos.photo_kinds import HEAD_BYTES, VIDEO_ADVICE, photo_kind

PHOTO_SUFFIXES = (
    *("jpg", "jpeg", "jpe", "jfif", "png", "bmp", "gif", "webp", "tif", "tiff"),
    *("ppm", "pgm", "heic", "heif", "avif", "jp2", "j2k", "jxl"),
)
# What the web leaves behind a suffix: `.jpg_large`, `.jpg?w=200`; `.jpg_original` is
# what exiftool leaves of a photo that it wrote to.
_PHOTO_NAME = re.compile(
    rf".+\.({'|'.join(PHOTO_SUFFIXES)})(\?.*|(?!_original$)[_:!@&][^.]*)?",
    re.IGNORECASE,
)
# Files beside photos in great number: not looked into.
_LABEL_SUFFIXES = (".txt", ".xml", ".json")
# A copy of another photo, or half of one.
_UNFINISHED_SUFFIXES = (".part", ".crdownload", ".download", ".tmp", ".bak")
# Companions in zips of macOS, thumbnails on Synology's disks, Windows' bin.
_HIDDEN_FOLDERS = {"__MACOSX", "@eaDir", "$RECYCLE.BIN"}
# Raw files that begin like any TIFF; most hold a thumbnail that is no photo.
_RAW_SUFFIXES = (".dng", ".nef", ".nrw", ".arw", ".sr2", ".pef", ".srw", ".3fr", ".iiq")


def is_photo_name(name: str) -> bool:
    """Whether a file of this name is expected to hold a photo.

    Hidden files are not: macOS leaves `._name.jpg` beside `name.jpg`.
    """
    path = pathlib.PurePosixPath(name)
    return not is_hidden(path) and bool(_PHOTO_NAME.fullmatch(path.name))


def list_files(folder: pathlib.Path, problems: list) -> list[pathlib.Path]:
    """Files below a folder at any depth, sorted by path.

    Links to folders are followed, each folder once; hidden files are left out, hidden
    folders not entered.

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
        folder_names[:] = sorted(filter(_is_visible, folder_names))
        files += [
            pathlib.Path(parent, name) for name in filter(_is_visible, file_names)
        ]
    return sorted(files)


def subfolders(folder: pathlib.Path) -> list[pathlib.Path]:
    """Sorted folders right below; what cannot be looked into holds nothing.

    `os.scandir` knows files as such without asking for each of a million photos.
    """
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if not e.is_file(follow_symlinks=False)]
    except OSError:
        return []
    paths = [folder / name for name in sorted(filter(_is_visible, names))]
    # `Path.is_dir` would raise for what nobody may look at.
    return [path for path in paths if os.path.isdir(path)]


def list_photos(folder: pathlib.Path, problems: list) -> list[pathlib.Path]:
    """Photos below a folder at any depth, sorted by path; see `list_files`.

    Files that are not named like photos are looked at: a first read of a few bytes
    tells. Camera raw files and videos are left out and told in `problems`.
    """
    return [path for path in list_files(folder, problems) if is_photo(path, problems)]


def is_photo(path: pathlib.Path, problems: list) -> bool:
    """Whether a file is named like a photo or begins like one, see `list_photos`."""
    if is_hidden(path):
        return False
    if is_photo_name(path.name):
        return True
    suffix = path.suffix.lower()
    if suffix in _LABEL_SUFFIXES + _UNFINISHED_SUFFIXES:
        return False
    if path.name.endswith("~") or suffix.endswith("_original"):
        return False  # a backup
    try:
        if not path.is_file():
            return False  # a pipe would block
        with open(path, "rb") as file:
            kind = photo_kind(file.read(HEAD_BYTES))
    except OSError as error:
        reason = f"cannot be looked at: {error.strerror or error}"
        problems.append(Problem(str(path), reason, "file unreadable"))
        return False
    if kind == "camera raw" or (kind == "TIFF" and suffix in _RAW_SUFFIXES):
        reason = "a camera's raw file, which is not read: export it as JPEG or PNG"
        problems.append(Problem(str(path), reason, "camera raw file left out"))
        return False
    if kind == "video":
        problems.append(Problem(str(path), VIDEO_ADVICE, "video left out"))
        return False
    return kind is not None


def is_hidden(path):
    """Whether a system hides it from people."""
    return path.name.startswith(".") or not _HIDDEN_FOLDERS.isdisjoint(path.parts)


def _is_visible(name):
    return not name.startswith(".") and name not in _HIDDEN_FOLDERS
