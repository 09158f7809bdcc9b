"""Lookup of the photos that a COCO json names, in folders or zip files beside it."""

import collections
import dataclasses
import functools
import os
import pathlib
import re

from pipelines.photos.content import Content, PhotoFile, ZipArchive, ZipMember
from pipelines.photos.listing import (
    PHOTO_SUFFIXES,
    is_hidden,
    is_photo_name,
    list_files,
)
from pipelines.photos.names import folded, same_name
from pipelines.photos.photo import Problem
from pipelines.readers.split_names import SPLIT_WORDS, splits_in
from pipelines.readers.written_names import is_relative, spellings

# Files beside photos that are none, whatever a json says.
_NO_PHOTOS = (".json", ".zip")
# Stands for the suffix that a written name lacks.
_NO_SUFFIX = None


@dataclasses.dataclass(frozen=True)
class _Entry:
    """A file that may be a photo, and the parts of its path below the folder."""

    place: tuple[str, ...]
    content: Content


@dataclasses.dataclass(frozen=True)
class _Match:
    """A file that a written name may mean.

    Attributes:
        entry: The file.
        name: The written name.
        parts: The name's parts as they were looked up.
        num_matched: How many of its last parts are those of the file's place.
        num_exact: The same, where upper and lower case must agree, too.
    """

    entry: _Entry
    name: str
    parts: tuple[str, ...]
    num_matched: int
    num_exact: int

    @property
    def is_full(self):
        """Whether the place ends with all that was written."""
        return self.num_matched == len(self.parts)

    @property
    def folders_differ(self):
        """Whether place and name have folders before what they share."""
        return not self.is_full and self.num_matched < len(self.entry.place)


class PhotoFinder:
    """Looks file names up among the photos in the folder of a json file, at any depth.

    Names are looked up in a listing, never joined to a path, so that no json can reach
    a file outside. Zip files are opened when a name is not found as a file; an
    unpacked archive may thus lie beside its zip. Where the json is in a folder
    `annotations`, as in COCO's own layout, the folder above is searched.

    A written name may be a path of the machine of the tool that wrote it, a url, or
    lack the suffix: the photo that shares most of its end is taken, if there is only
    one. Photos in a folder of another split, or of another json, are never taken for
    a name that does not say so.

    Args:
        json_path: Path of the json file.
        problems: List to which a `Problem` is appended for an unreadable zip file or
            folder.
    """

    def __init__(self, json_path, problems):
        self._json_stem = json_path.stem.lower()
        self._problems = problems
        self._root = json_path.parent
        if self._root.resolve().name.lower() == "annotations":
            self._root = pathlib.Path(os.path.normpath(self._root / ".."))
        self._root_name = self._root.resolve().name.lower()
        paths = list_files(self._root, problems)
        self._zip_paths = [path for path in paths if path.suffix.lower() == ".zip"]
        self._other_stems = {
            path.stem.lower()
            for path in paths
            if path.parent == json_path.parent and path.suffix.lower() == ".json"
        } - {self._json_stem}
        depth = len(self._root.parts)
        places = [path.parts[depth:] for path in paths]
        own = {folder for place in places for folder in place[:-1]}
        self._own_folder_is_there = any(_speaks_of(self._json_stem, f) for f in own)
        self._files = _index(
            _Entry(_place(place), PhotoFile(path))
            for place, path in zip(places, paths, strict=True)
            if _may_be_photo(path)
        )

    def find_all(self, names_of_photos) -> list[Content | LookupError]:
        """Finds the photos of a json.

        Args:
            names_of_photos: The names of each photo, the first one found being taken,
                such as its `file_name` and its url.

        Returns:
            For each photo its content, or a `LookupError` that says what was looked
            for. Of several names that only share their end with one photo, none gets
            it.
        """
        found = [self._find_first(names) for names in names_of_photos]
        matches = [item for item in found if isinstance(item, _Match)]
        claims = collections.defaultdict(set)
        for match in matches:
            claims[match.entry.place].add((match.is_full, folded(match.name)))
        named_folders = {
            match.entry.place[:-1]
            for match in matches
            if match.is_full and len(match.parts) > 1
        }
        return [self._settled(item, claims, named_folders) for item in found]

    def _settled(self, found, claims, named_folders):
        if isinstance(found, LookupError) or found.is_full:
            return found if isinstance(found, LookupError) else found.entry.content
        place = found.entry.place
        belongs_to_others = found.folders_differ and (
            is_relative(found.name) and place[:-1] in named_folders
        )
        if len(claims[place]) > 1 or belongs_to_others:
            return LookupError(
                f"{found.name!r} is not beside the json: {'/'.join(place)} ends alike, "
                "but other entries name it or its folder"
            )
        return found.entry.content

    def _find_first(self, names):
        errors = []
        for name in names:
            try:
                return self._find(name)
            except LookupError as error:
                errors.append(error)
        return errors[0] if errors else LookupError("has no file name")

    def _find(self, name):
        paths = spellings(name)
        if not paths:
            raise LookupError("has an empty file name")
        best, others = [], []
        for entries in self._indices():
            for parts in paths:
                found, left_out = self._match(name, parts, entries)
                others += left_out
                if found and (not best or found[0].is_full > best[0].is_full):
                    best = found
            if best and best[0].is_full:
                break
        if not best:
            raise LookupError(self._missing(name, paths, others))
        if len(best) > 1:
            places = " and ".join(match.entry.content.path_name for match in best[:2])
            raise LookupError(f"{name!r} is ambiguous: {places}")
        return best[0]

    def _match(self, name, parts, entries):
        """The best matches of a path, and files of its name that are of others."""
        for candidates in _candidates(parts, entries):
            usable, left_out = [], []
            for entry in candidates:
                match = _compare(entry, name, parts)
                if self._is_of_others(match):
                    left_out.append(entry)
                else:
                    usable.append(match)
            if usable:
                break
        best = max(((m.num_matched, m.num_exact) for m in usable), default=None)
        found = [m for m in usable if (m.num_matched, m.num_exact) == best]
        if len(found) > 1:
            whole = [m for m in found if m.num_matched == len(m.entry.place)]
            fitting = [m for m in found if self._fits(m.entry.place[:-1])]
            found = whole or fitting or found
        return found, left_out

    def _is_of_others(self, match):
        """Whether the file lies in a folder of another split, or of another json."""
        folders = match.entry.place[: -match.num_matched]
        unmatched = match.parts[: -match.num_matched]
        wanted = splits_in(self._json_stem)
        if not wanted and unmatched:
            wanted = splits_in(unmatched[-1])
            root = SPLIT_WORDS.get(self._root_name)
            if wanted and root and root not in wanted:
                return True
        splits = set().union(*map(splits_in, folders))
        if wanted and splits:
            return wanted.isdisjoint(splits)
        return self._own_folder_is_there and any(
            _speaks_of(stem, folder) and not _speaks_of(self._json_stem, folder)
            for stem in self._other_stems
            for folder in folders
        )

    def _missing(self, name, paths, others):
        looked_for = " or ".join(repr("/".join(parts)) for parts in paths[:3])
        reason = f"{name!r} is not beside the json: no photo below {self._root} "
        reason += f"fits {looked_for}"
        if others:
            place = "/".join(others[0].place)
            reason += f"; {place} is of another split or json"
        return reason

    def _indices(self):
        """The files, then the members of zip files, which are opened only now."""
        yield self._files
        yield self._members

    @functools.cached_property
    def _members(self):
        entries = []
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
                    place = pathlib.PurePosixPath(zip_path.stem, _utf8(name)).parts
                    entries.append(_Entry(_place(place), ZipMember(archive, name)))
        return _index(entries)

    def _fits(self, folders):
        names = [name.lower() for name in folders]
        return any(n in self._json_stem or self._json_stem in n for n in names)


def _index(entries):
    """Maps names of files, and photos' names without their suffix, to entries.

    So it does each with the name of its folder: many folders may have a `1.jpg`.
    """
    index = {}
    for entry in entries:
        name = folded(entry.place[-1])
        keys = [name]
        stem, suffix = os.path.splitext(name)
        if suffix.removeprefix(".") in PHOTO_SUFFIXES:
            keys.append((stem, _NO_SUFFIX))
        if len(entry.place) > 1:
            keys += [(folded(entry.place[-2]), key) for key in keys]
        for key in keys:
            index.setdefault(key, []).append(entry)
    return index


def _candidates(parts, index):
    """Yields entries of a path's last name: first those in a folder that it names."""
    key = folded(parts[-1])
    if key not in index and not is_photo_name(parts[-1]):
        key = key, _NO_SUFFIX
    if len(parts) > 1:
        yield index.get((folded(parts[-2]), key), ())
    yield index.get(key, ())


def _may_be_photo(path):
    if is_photo_name(path.as_posix()):
        return True
    return not is_hidden(path) and path.suffix.lower() not in _NO_PHOTOS


def _place(parts):
    r"""Parts of a path in the form of `same_name`.

    Some packers of Windows write `images\1.jpg`, which becomes a file's name.
    """
    return tuple(same_name(name) for part in parts for name in part.split("\\"))


def _compare(entry, name, parts):
    num_matched = num_exact = 0
    pairs = zip(reversed(entry.place), reversed(parts), strict=False)
    for number, (own, written) in enumerate(pairs):
        # The last part fits already, with or without the suffix.
        if number and folded(own) != folded(written):
            break
        num_matched += 1
        num_exact += own == written
    return _Match(entry, name, parts, num_matched, num_exact)


def _utf8(name):
    """A zip member's name; tools of macOS write UTF-8 without saying so."""
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


@functools.lru_cache(maxsize=4096)
def _speaks_of(stem, folder):
    """Whether the name of a json has that of a folder as words of it."""
    stem, folder = (re.sub(r"[\W_]+", "_", text.lower()) for text in (stem, folder))
    return f"_{folder}_" in f"_{stem}_"
