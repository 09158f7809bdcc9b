"""Lookup of the photos that a COCO json names, in folders or zip files beside it."""

import functools
import os
import pathlib

from pipelines.photos.content import Content, PhotoFile, ZipArchive, ZipMember
from pipelines.photos.listing import is_photo_name, list_files
from pipelines.photos.photo import Problem


class PhotoFinder:
    """Looks file names up among the photos in the folder of a json file, at any depth.

    Names are looked up in a listing, never joined to a path, so that no json can reach
    a file outside. Zip files are opened when a name is not found as a file; an
    unpacked archive may thus lie beside its zip. Where the json is in a folder
    `annotations`, as in COCO's own layout, the folder above is searched.

    Args:
        json_path: Path of the json file.
        problems: List to which a `Problem` is appended for an unreadable zip file or
            folder.
    """

    def __init__(self, json_path, problems):
        self._json_stem = json_path.stem.lower()
        self._problems = problems
        self._root = json_path.parent
        if self._root.resolve().name == "annotations":
            self._root = pathlib.Path(os.path.normpath(self._root / ".."))
        paths = list_files(self._root, problems)
        self._zip_paths = [path for path in paths if path.suffix.lower() == ".zip"]
        self._files = {}
        for path in paths:
            if is_photo_name(path.name):
                place = path.relative_to(self._root)
                self._files.setdefault(path.name, []).append((place, PhotoFile(path)))

    def find(self, file_name: str) -> Content:
        """Finds the photo whose path ends with `file_name`.

        Of several, the one right beside the json is taken, or the only one in a folder
        or zip whose name fits the json's (`val2017` to `instances_val2017.json`).

        Raises:
            LookupError: If the name points outside, is not found, or is ambiguous.
        """
        parts = pathlib.PurePosixPath(file_name.replace("\\", "/")).parts
        if not parts:
            raise LookupError("has an empty file name")
        if ".." in parts or parts[0] == "/" or parts[0].endswith(":"):
            raise LookupError(f"file name {file_name!r} leaves the folder")
        found = _ending_with(parts, self._files)
        if not found:
            found = _ending_with(parts, self._members)
        if len(found) > 1:
            found = self._best(found, parts)
        if not found:
            raise LookupError(f"{file_name!r} is not beside the json")
        if len(found) > 1:
            places = " and ".join(content.path_name for _, content in found[:2])
            raise LookupError(f"{file_name!r} is ambiguous: {places}")
        return found[0][1]

    @functools.cached_property
    def _members(self):
        members = {}
        for zip_path in self._zip_paths:
            try:
                archive = ZipArchive(zip_path)
            except (ValueError, OSError) as error:
                self._problems.append(
                    Problem(str(zip_path), str(error), "archive unreadable")
                )
                continue
            for name in archive.names():
                if is_photo_name(name):
                    place = pathlib.PurePosixPath(zip_path.stem, name)
                    content = ZipMember(archive, name)
                    members.setdefault(place.name, []).append((place, content))
        return members

    def _best(self, found, parts):
        beside = [entry for entry in found if entry[0].parts == parts]
        fitting = [entry for entry in found if self._fits(entry[0].parent)]
        return beside or fitting or found

    def _fits(self, parent):
        names = [name.lower() for name in parent.parts]
        return any(n in self._json_stem or self._json_stem in n for n in names)


def _ending_with(parts, entries):
    candidates = entries.get(parts[-1], [])
    return [entry for entry in candidates if entry[0].parts[-len(parts) :] == parts]
