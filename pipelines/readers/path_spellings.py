"""Lookup of paths whose spelling differs from that on the disk."""

import collections
import os
import pathlib

from pipelines.photos.names import folded


class PathSpellings:
    """Finds paths in any case and Unicode form, as the system they come from did.

    Windows and macOS take `Labels/A.TXT` for `labels/a.txt`, and either form of an
    accent for the other. Folders are listed once, and only where a path is not there
    as it is written.
    """

    def __init__(self):
        self._listings = {}
        self._missing = set()

    def find(self, path) -> pathlib.Path | None:
        """The path as it stands, else the only one that is spelled alike, or None."""
        path = pathlib.Path(os.path.normpath(path))
        if path.parent in self._missing:
            return None
        if os.path.exists(path):
            return path
        parent = self._folder(path.parent)
        if parent is None or parent == path:
            return None
        alike = self._listing(parent).get(folded(path.name), ())
        return parent / alike[0] if len(alike) == 1 else None

    def _folder(self, path):
        folder = path if os.path.isdir(path) else None
        if folder is None and path.parent != path:
            folder = self.find(path)
        if folder is None:
            self._missing.add(path)
        return folder

    def _listing(self, folder):
        """Maps folded names to the names in a folder."""
        if folder not in self._listings:
            names = collections.defaultdict(list)
            try:
                for name in os.listdir(folder):
                    names[folded(name)].append(name)
            except OSError:
                pass  # what cannot be looked into holds nothing
            self._listings[folder] = dict(names)
        return self._listings[folder]
