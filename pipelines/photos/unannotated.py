"""Photos without an annotation that can be used, which are not learned from."""

from pipelines.photos.photo import Photo, Photos, Problem

NOT_ANNOTATED = "photo left out: not annotated"


def not_annotated(photo: Photo) -> Problem:
    """What is told of a photo that is left out, since its boxes are not known."""
    reason = "left out, since it has no annotation that can be used"
    return Problem(photo.path_name, reason, NOT_ANNOTATED)


def without_unannotated(photos: Photos) -> Photos:
    """The photos that are annotated; each other one is a problem more."""
    kept = photos.take(row for row, photo in enumerate(photos) if photo.annotated)
    kept.problems += [not_annotated(photo) for photo in photos if not photo.annotated]
    return kept
