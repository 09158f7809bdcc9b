"""Lookup of absolute paths that a data set brought from another machine."""

import os
import pathlib

from pipelines.readers.written_names import folded


class MovedPaths:
    """Finds what absolute paths of another machine named, below folders of this one.

    One folder of that machine stands for one folder here, the same for every entry of
    every split, lest photos be taken for those of the same names in another folder.
    Never is a path found by its last part alone, nor what a relative entry names.

    Args:
        entries: Entries of all splits, relative and absolute ones, with `/` only.
        roots: Folders here in which the data set may lie.
        spellings: The `PathSpellings` to look with.
    """

    def __init__(self, entries, roots, spellings):
        self._spellings = spellings
        self._claimed = set()
        moved = []
        for entry in dict.fromkeys(entries):
            parts = _absolute_parts(entry)
            if not parts:
                forms = entry, entry.removeprefix("../")
                self._claimed.update(
                    _key(root / form) for root in roots for form in forms
                )
            elif not os.path.exists(entry):
                moved.append(parts)
        self._prefix, self._root = (), None
        for length in range(1, len(_common_start(moved)) + 1):
            for root in roots:
                paths = (root.joinpath(*parts[length:]) for parts in moved)
                if any(map(spellings.find, paths)):
                    self._prefix, self._root = moved[0][:length], root
                    return

    def find(self, entry: str) -> pathlib.Path | None:
        """The path here that an absolute entry stands for, or None."""
        parts, length = _absolute_parts(entry), len(self._prefix)
        if not length or parts[:length] != self._prefix or len(parts) < length + 2:
            return None
        path = self._spellings.find(self._root.joinpath(*parts[length:]))
        if path is None or any(_key(p) in self._claimed for p in (path, *path.parents)):
            return None
        return path


def _absolute_parts(entry):
    path = pathlib.PureWindowsPath(entry)
    return path.parts if path.root else ()


def _common_start(paths):
    """The folders that all paths share, less the one that each lies in."""
    if not paths:
        return ()
    length = min(map(len, paths)) - 2
    first, last = min(paths)[:length], max(paths)[:length]
    return os.path.commonprefix([first, last])


def _key(path):
    return folded(os.path.normpath(path))
