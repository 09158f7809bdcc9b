"""Photos of the splits of a YOLO `data.yaml`: its folders and lists."""

import contextlib
import os

from pipelines.photos.content import PhotoFile
from pipelines.photos.listing import list_photos
from pipelines.photos.photo import Problem
from pipelines.photos.texts import decode_text
from pipelines.readers.moved_paths import MovedPaths
from pipelines.readers.path_spellings import PathSpellings
from pipelines.readers.split_names import SPLITS


class Places:
    """Finds the folders, lists and photos that the entries of a `data.yaml` name.

    Args:
        content: Content of the file, a dictionary.
        yaml_path: Its path.

    Attributes:
        spellings: `PathSpellings` that paths are looked up with.
    """

    def __init__(self, content, yaml_path):
        self._content, self._yaml_path = content, yaml_path
        root = yaml_path.parent
        self._roots = [root / str(content.get("path") or ""), root]
        self.spellings = PathSpellings()
        entries = [entry for name in SPLITS for entry in _entries(content, name)]
        # Entries of the other splits say, too, from where this one was brought.
        for place in map(self._find_here, tuple(entries)):
            if place is not None and os.path.isfile(place):
                with contextlib.suppress(OSError, ValueError):  # told if it is read
                    entries += _lines(place)
        self._moved = MovedPaths(entries, self._roots, self.spellings)

    def has(self, split) -> bool:
        """Whether a folder or list of a split is there."""
        return any(map(self._find, _entries(self._content, split)))

    def find_photos(self, split, problems):
        """Yields paths of the photos of a split, in the order of its folders and lists.

        A `Problem` is appended to `problems` for a photo of a list that is not there.

        Raises:
            ValueError: If a folder or list is not there.
        """
        for entry in _entries(self._content, split):
            place = self._find(entry)
            if place is None:
                raise ValueError(
                    f"{self._yaml_path}: {split} is {entry!r}, which is not in "
                    f"{' nor in '.join(dict.fromkeys(map(str, self._roots)))}."
                )
            if os.path.isdir(place):
                yield from list_photos(place, problems)
                continue
            for line in _lines(place):
                path = self._find(line, place.parent)
                if path is None:
                    reason = f"names {line!r}, which is not there"
                    problems.append(Problem(str(place), reason, "photo missing"))
                else:
                    yield path

    def _find(self, entry, *more_roots):
        """The first path that exists, or None."""
        return self._find_here(entry, *more_roots) or self._moved.find(entry)

    def _find_here(self, entry, *more_roots):
        # Roboflow writes `../train/images` where `train` is beside the file.
        forms = dict.fromkeys((entry, entry.removeprefix("../")))
        roots = (*more_roots, *self._roots)
        paths = dict.fromkeys(root / form for form in forms for root in roots)
        return next(filter(None, map(self.spellings.find, paths)), None)


def _entries(content, name):
    """Entries of a split, written with `/`."""
    entries = content.get(name) or []
    entries = entries if isinstance(entries, list) else [entries]
    return [_with_slashes(str(entry)) for entry in entries]


def _lines(place):
    """Entries of a list of photos, written with `/`."""
    text = decode_text(PhotoFile(place).load())
    return filter(None, map(_with_slashes, text.splitlines()))


def _with_slashes(entry):
    return entry.strip().strip(" \"'").replace("\\", "/")
