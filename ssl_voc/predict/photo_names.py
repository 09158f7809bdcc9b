"""Photo search by file, folder and pattern, with a unique name for each photo."""

import dataclasses
import functools
import glob
import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ssl_voc.runs.paths import real_path, suggest_path
from ssl_voc.runs.start_rules import read_manifest

_MAGIC = "*?["
# Bytes of one part of a name, which becomes that of a file or folder of `pictures/`:
# file systems take 255, suffix and number included.
_LONGEST_PART = 240


@dataclasses.dataclass(frozen=True)
class NamedPhoto:
    """A file to predict.

    Attributes:
        path: Where it lies.
        name: Its stem; where others share it, behind as many of its folders as tell
            them apart, parted by slashes. Long stems and folders are cut.
    """

    path: Path
    name: str


def find_photos(
    images: Sequence[str], left_out: Path | None = None
) -> tuple[list[NamedPhoto], list[tuple[str, str]]]:
    """Finds the photos of files, folders and patterns, each once, in order.

    Args:
        images: Paths of files, of folders (searched at any depth for files with a
            photo's suffix, but not in runs of this program that lie below) and patterns
            (`*`, `?`, `[...]`, and `**` for any depth).
        left_out: A folder whose files are left out: that of the results.

    Returns:
        The photos, and pairs of what could not be found or read and the reason.
    """
    left_out = None if left_out is None else real_path(left_out)
    found: dict[Path, Path] = {}
    problems: list[tuple[str, str]] = []
    for text in images:
        for path in _matches(text, problems):
            paths = [path]
            if os.path.isdir(path):
                paths = _photos_below(path, left_out, problems)
            for item in paths:
                resolved = real_path(item)
                if left_out is None or left_out not in resolved.parents:
                    found.setdefault(resolved, item)
    paths = list(found.values())
    return [
        NamedPhoto(path, name)
        for path, name in zip(paths, _tell_apart(paths), strict=True)
    ], problems


def writable(path: str | os.PathLike) -> str:
    """A path as text that every file and terminal takes.

    Bytes of a name that are not UTF-8, as old disks and archives have them, are spelled
    out: two names stay two.
    """
    return str(path).encode("utf-8", "backslashreplace").decode()


def _photos_below(folder, left_out, problems):
    """The photos of a folder, but those of runs of this program that lie in it."""
    from pipelines.photos.listing import list_photos

    unreadable = []
    try:
        paths = list_photos(folder, unreadable)
    except ValueError as error:
        problems.append((writable(folder), str(error)))
        return []
    problems += [(writable(item.path_name), item.reason) for item in unreadable]
    if not paths:
        problems.append((writable(folder), "no photo lies in this folder"))

    @functools.cache
    def run_around(parent):
        """The outermost run that a folder lies in, or is; None without one."""
        if parent == folder:
            return None
        is_run = read_manifest(parent) is not None
        return run_around(parent.parent) or (parent if is_run else None)

    runs = {path: run_around(path.parent) for path in paths}
    problems += [
        (writable(run), "a run of this program: name it to predict its pictures")
        for run in dict.fromkeys(filter(None, runs.values()))
        if real_path(run) != left_out
    ]
    return [path for path, run in runs.items() if run is None]


def _matches(text, problems):
    """The paths that a pattern or a plain path stands for."""
    path = Path(os.path.expanduser(text))  # the name of nobody stays a name
    # `[1].jpg` is a file's name before it is a pattern. Not `Path.exists`, which raises
    # where a name is too long or a folder closed.
    if os.path.exists(path):
        return [path]
    if "://" in text:
        problems.append((writable(text), "an address: download it first"))
        return []
    if not any(sign in text for sign in _MAGIC):
        hint = writable(suggest_path(path))
        reason = f"there is no such file or folder{'.' * bool(hint)}{hint}"
        problems.append((writable(text), reason))
        return []
    # Nor is `holiday [2020]/` a pattern, where there is such a folder.
    folder = next(filter(os.path.isdir, path.parents), Path())
    pattern = str(path.relative_to(folder))
    matched = sorted(glob.glob(pattern, root_dir=folder, recursive=True))
    if not matched:
        problems.append((writable(text), "no file fits this pattern"))
    matched = [folder / name for name in matched]
    # `**` gives a folder, and each of its files again.
    return [m for m in matched if not m.is_dir()] if "**" in text else matched


def _tell_apart(paths):
    """Shortest names that differ, also where case does not count."""
    folders = [Path(os.path.abspath(path)).parent.parts[1:] for path in paths]
    # `a.jpg` and `a.png` side by side keep their suffixes.
    beside = Counter(
        (folder, path.stem.casefold())
        for folder, path in zip(folders, paths, strict=True)
    )
    leaves = [
        _part(path.name if beside[folder, path.stem.casefold()] > 1 else path.stem)
        for folder, path in zip(folders, paths, strict=True)
    ]
    names, depth = list(leaves), 0
    while clashing := _clashing(names):
        depth += 1
        for index in clashing:
            folder = folders[index]
            names[index] = "/".join([*map(_part, folder[-depth:]), leaves[index]])
            if depth > len(folder):
                # `a.jpg` and `A.jpg`, which not every file system tells apart.
                names[index] += f"-{index}"
    return names


def _part(text):
    """A stem or folder as part of a name: writable, and cut where it is too long."""
    written = writable(text).encode()
    if len(written) > _LONGEST_PART:
        # What begins alike stays apart.
        ending = b"-" + hashlib.sha256(written).hexdigest()[:8].encode()
        written = written[: _LONGEST_PART - len(ending)] + ending
    return written.decode("utf-8", "ignore")


def _clashing(names):
    counts = Counter(name.casefold() for name in names)
    return [i for i, name in enumerate(names) if counts[name.casefold()] > 1]
