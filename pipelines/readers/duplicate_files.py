"""Files that several sources, or links, name: each gives one photo."""

import os

from pipelines.photos.content import PhotoFile, ZipMember
from pipelines.photos.photo import Photos, Problem


def drop_repeated_files(parts) -> list[Photos]:
    """Leaves each file in one place of one or several sources, links followed.

    The first photo that annotates the file keeps it, or, where none does, the first
    that names it; of these, the file itself goes before links to it, which may lie in
    the folder of another class. What is left out is told as a problem of its source.

    Args:
        parts: List of `Photos`, one a source.
    """
    if len(parts) < 2 and not any(map(_is_link, parts[0])):
        return parts
    keepers = {}
    for number, part in enumerate(parts):
        for index, photo in enumerate(part):
            is_unknown = not photo.annotated, not photo.objects
            rank = *is_unknown, _is_link(photo), number, index
            key = _identity(photo.content)
            if key is not None:
                keepers[key] = min(keepers.get(key, rank), rank)
    return [
        _without_repeated(part, number, keepers, parts)
        for number, part in enumerate(parts)
    ]


def _is_link(photo):
    content = photo.content
    return isinstance(content, PhotoFile) and os.path.islink(content.path)


def _without_repeated(part, number, keepers, parts):
    kept, left_out, num_boxes, others = [], [], 0, {}
    for index, photo in enumerate(part):
        place = number, index
        *_, keeper, row = keepers.get(_identity(photo.content), place)
        if (keeper, row) == place:
            kept.append(photo)
        else:
            left_out.append(photo.path_name)
            num_boxes += len({*photo.objects} - {*parts[keeper][row].objects})
            others[parts[keeper].name] = None
    if not left_out:
        return part
    reason = (
        f"{len(left_out)} of {len(part)} photos ({left_out[0]} first) are files of "
        f"{', '.join(others)}, or links to them, which keeps them: each is learned "
        "from once"
    )
    if num_boxes:
        reason += f", without {num_boxes} other boxes that {part.name} has"
    problem = Problem(part.name, reason, "source repeated")
    return Photos(kept, part.name, [*part.problems, problem])


def _identity(content):
    """What two names of one file have in common; None for what is no file."""
    if isinstance(content, PhotoFile):
        return os.path.realpath(content.path)
    if isinstance(content, ZipMember):
        return os.path.realpath(content.archive.path), content.name
    return None
