"""Lookup of absolute paths that a data set brought from another machine."""

import functools
import os
import pathlib

from pipelines.photos.names import folded


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
        self._spellings, self._claimed_folders = spellings, {}
        self._entries, self._roots = dict.fromkeys(entries), dict.fromkeys(roots)
        moved = [_absolute_parts(entry) for entry in self._entries if _is_gone(entry)]
        self._prefix, self._root = (), None
        for length in range(1, len(_common_start(moved)) + 1):
            for root in self._roots:
                if self._finds_any(moved, length, root):
                    self._prefix, self._root = moved[0][:length], root
                    return

    def _finds_any(self, moved, length, root):
        """Whether a path is below a folder here, less so many parts."""
        folders = {parts[length:-1] for parts in moved}
        here = {f for f in folders if self._spellings.find(root.joinpath(*f))}
        paths = (parts[length:] for parts in moved if parts[length:-1] in here)
        return any(self._spellings.find(root.joinpath(*path)) for path in paths)

    def find(self, entry: str) -> pathlib.Path | None:
        """The path here that an absolute entry stands for, or None."""
        parts, length = _absolute_parts(entry), len(self._prefix)
        if not length or parts[:length] != self._prefix or len(parts) < length + 2:
            return None
        path = self._spellings.find(self._root.joinpath(*parts[length:]))
        return None if path is None or self._is_claimed(path) else path

    def _is_claimed(self, path):
        folder = path.parent
        if folder not in self._claimed_folders:
            above = (folder, *folder.parents)
            is_claimed = any(_key(place) in self._claims for place in above)
            self._claimed_folders[folder] = is_claimed
        return self._claimed_folders[folder] or _key(path) in self._claims

    @functools.cached_property
    def _claims(self):
        """What the entries name that need no search."""
        return {
            _key(root / form)
            for entry in self._entries
            if not _is_gone(entry)
            for form in (entry, entry.removeprefix("../"))
            for root in self._roots
        }


def _is_gone(entry):
    return bool(_absolute_parts(entry)) and not os.path.exists(entry)


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
    return folded(os.path.abspath(path))
