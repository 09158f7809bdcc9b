"""Image lists of VOC trees, as any tool writes them."""

import pathlib
import re

from pipelines.photos.content import PhotoFile
from pipelines.photos.listing import is_photo_name
from pipelines.photos.names import same_name
from pipelines.photos.photo import Problem
from pipelines.photos.texts import decode_text

# What stands behind a name: the flag of a list of one class, or the annotation.
_SECOND_COLUMN = re.compile(r"\s+(-?1|0|\S+\.xml)$", re.IGNORECASE)
_DRIVE = re.compile(r"^[A-Za-z]:")


def read_voc_list(path, keys, folder_name, problems) -> list[str]:
    """The photos that a list names, each once and in the order of the list.

    A line is a name, or a path that may have a drive letter, backslashes and a suffix.
    The whole line is looked up first, then without its second column. Names are only
    ever looked up, never joined to a path: no list can point outside the tree.

    Args:
        path: Path of the list, in UTF-8, UTF-16 or Windows' Western encoding.
        keys: Keys of the photos, see `photo_key`.
        folder_name: Name of the folder of the photos.
        problems: List to which a `Problem` is appended for a line without photo.

    Raises:
        OSError: If the file cannot be read.
    """
    by_folded = {}
    for key in keys:
        by_folded.setdefault(key.casefold(), []).append(key)
    found = {}  # a dict, since a set would forget the order
    for line in re.split(r"\r\n|\r|\n", decode_text(PhotoFile(path).load())):
        # Lists that were joined have several marks.
        line = line.strip("\ufeff\0 \t\f\v")
        if not line:
            continue
        key = _find(line, keys, by_folded, folder_name)
        if key is None:
            reason = f"names {line!r}, which is not in {folder_name}"
            problems.append(Problem(str(path), reason, "photo missing"))
        else:
            found[key] = None
    return list(found)


def _find(line, keys, by_folded, folder_name):
    """The key of the photo that a line names, or None."""
    # Windows quotes what is copied as a path.
    texts = dict.fromkeys((line, _SECOND_COLUMN.sub("", line), line.strip("\"'")))
    names = [name for text in texts for name in _spellings(text, folder_name)]
    for name in names:
        if name in keys:
            return name
    for name in names:
        alike = by_folded.get(name.casefold(), ())
        if len(alike) == 1:
            return alike[0]
    return None


def _spellings(text, folder_name):
    """The keys that a name or path may mean, the most literal first."""
    path = _DRIVE.sub("", same_name(text).replace("\\", "/"))
    yield text if text == path else same_name(text)
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts:
        return
    places = ["/".join(parts)]
    folded = [part.casefold() for part in parts[:-1]]
    if folder_name.casefold() in folded:
        behind = len(folded) - folded[::-1].index(folder_name.casefold())
        places.append("/".join(parts[behind:]))
    has_suffix = is_photo_name(parts[-1]) or parts[-1].lower().endswith(".xml")
    if has_suffix:
        places.append(parts[-1])
    for place in places:
        yield place
        if has_suffix:
            yield str(pathlib.PurePosixPath(place).with_suffix(""))
