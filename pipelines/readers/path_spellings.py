"""Lookup of paths whose spelling differs from that on the disk."""

import collections
import os
import pathlib

from pipelines.readers.written_names import folded


class PathSpellings:
    """Finds paths in any case and Unicode form, as the system they come from did.

    Windows and macOS take `Labels/A.TXT` for `labels/a.txt`, and either form of an
    accent for the other. Folders are listed once, and only where a path is not there
    as it is written.
    """

    def __init__(self):
        self._listings = {}

    def find(self, path) -> pathlib.Path | None:
        """The path as it stands, else the only one that is spelled alike, or None."""
        path = pathlib.Path(os.path.normpath(path))
        if os.path.exists(path):
            return path
        parent = path.parent
        if (
            parent == path
            or not os.path.isdir(parent)
            and not (parent := self.find(parent))
        ):
            return None
        alike = self._listing(parent).get(folded(path.name), ())
        return parent / alike[0] if len(alike) == 1 else None

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
