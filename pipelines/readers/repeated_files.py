"""Files that several sources name: each gives one photo."""

import os

from pipelines.photos.content import PhotoFile, ZipMember
from pipelines.photos.photo import Photos, Problem


def drop_repeated_files(parts) -> list[Photos]:
    """Leaves each file in one of several sources, links followed.

    The first source that annotates the photo keeps it, or, where none does, the first
    that names it. What is left out is told as a problem of the other source.

    Args:
        parts: List of `Photos`, one a source.
    """
    if len(parts) < 2:
        return parts
    keepers = {}
    for number, part in enumerate(parts):
        for photo in part:
            rank = not photo.annotated, not photo.objects, number
            key = _identity(photo.content)
            if key is not None:
                keepers[key] = min(keepers.get(key, rank), rank)
    return [
        _without_repeated(part, number, keepers, parts)
        for number, part in enumerate(parts)
    ]


def _without_repeated(part, number, keepers, parts):
    kept, left_out, others = [], 0, {}
    for photo in part:
        *_, keeper = keepers.get(_identity(photo.content), (number,))
        if keeper == number:
            kept.append(photo)
        else:
            left_out += 1
            others[parts[keeper].name] = None
    if not left_out:
        return part
    reason = (
        f"{left_out} of {len(part)} photos are the files of {', '.join(others)}, which "
        "keeps them: each is learned from once"
    )
    problem = Problem(part.name, reason, "source repeated")
    return Photos(kept, part.name, [*part.problems, problem])


def _identity(content):
    """What two names of one file have in common; None for what is no file."""
    if isinstance(content, PhotoFile):
        return os.path.realpath(content.path)
    if isinstance(content, ZipMember):
        return os.path.realpath(content.archive.path), content.name
    return None
