"""Names of photos, compared as people read them."""

import collections
import posixpath
import unicodedata
from collections.abc import Iterable


def same_name(name: str) -> str:
    """The form of a name in which equal-looking names are equal.

    macOS stores an accented letter as a letter and an accent (NFD), most other tools
    write one sign (NFC). Compare and look up names in this form; open files by the name
    that the folder gave.
    """
    return unicodedata.normalize("NFC", name)


def folded(text: str) -> str:
    """The text so that upper and lower case are the same, composed."""
    return same_name(same_name(text).casefold())


def photo_key(path, folder) -> str:
    """What a photo shares with its annotation: its path below a folder, less suffix.

    Args:
        path: `pathlib.Path` of the photo, or of the annotation.
        folder: The folder that such files are in, at any depth.

    Returns:
        The path with `/`, in the form of `same_name`.
    """
    return same_name(path.relative_to(folder).with_suffix("").as_posix())


def class_name(text: str) -> str:
    """The name of a class, in one line: blanks and forms of accents make no other."""
    return same_name(" ".join(text.split()))


def image_ids(paths: Iterable[str]) -> list[str]:
    """What to call photos of one source: by their stem, where it is the only one.

    Args:
        paths: Paths of all photos below the source, with `/`.

    Returns:
        The stem of each path that no other path shares, else the path without its
        suffix, else (`1.jpg` beside `1.png`) the whole path, in the form of
        `same_name`.
    """
    paths = [same_name(path) for path in paths]
    stems = [posixpath.splitext(path)[0] for path in paths]
    names = [stem.rpartition("/")[2] for stem in stems]
    num_names, num_stems = collections.Counter(names), collections.Counter(stems)
    ids = [
        name if num_names[name] == 1 else stem if num_stems[stem] == 1 else path
        for name, stem, path in zip(names, stems, paths, strict=True)
    ]
    while ids != (own := _whole_where_shared(ids, paths)):  # `1.jpg`, of `b/1.jpg.png`
        ids = own
    return ids


def _whole_where_shared(ids, paths):
    number = collections.Counter(ids)
    pairs = zip(ids, paths, strict=True)
    return [path if number[own] > 1 else own for own, path in pairs]
