"""Names of photos, compared as people read them."""

import collections
import unicodedata
from collections.abc import Sequence


def same_name(name: str) -> str:
    """The form of a name in which equal-looking names are equal.

    macOS stores an accented letter as a letter and an accent (NFD), most other tools
    write one sign (NFC). Compare and look up names in this form; open files by the name
    that the folder gave.
    """
    return unicodedata.normalize("NFC", name)


def image_ids(paths: Sequence[str]) -> list[str]:
    """What to call photos of one source: by their stem, where it is the only one.

    Args:
        paths: Paths of all photos below the source, with `/`, without suffix.

    Returns:
        The last part of each path that no other path shares, else the whole path, in
        the form of `same_name`.
    """
    paths = [same_name(path) for path in paths]
    stems = [path.rpartition("/")[2] for path in paths]
    counts = collections.Counter(stems)
    return [
        stem if counts[stem] == 1 else path
        for stem, path in zip(stems, paths, strict=True)
    ]
