"""Splits of labelled photos: training, validation, and held-out photos."""

from pipelines.photos.label_subsets import stratified_share
from pipelines.photos.photo import Photos, Problem, join_photos
from pipelines.photos.unannotated import without_unannotated
from pipelines.readers.sources import as_list, read_parts, splits

TRAIN_SHARE = 0.8
VALIDATION_SHARE = 0.15
# Fewer photos than this choose nothing that chance would not have chosen.
FEWEST_TO_VALIDATE = 50
# Lists to learn from, where nobody names one.
_TO_LEARN_FROM = ("train", "trainval")


def read_labeled(source, split: str | None = None, progress=None) -> Photos:
    """Reads the photos of a source whose labels may be learned.

    Without a split, a source that has a list `trainval`, but none called `train`, gives
    that one; other sources give what `read` gives, and one that has lists of other
    names alone gives all of its photos, as `Photos.problems` tells.

    Args:
        source: Anything `read` understands, or a list of it.
        split: Name of the split to learn from, or None.
        progress: Optional callable `(done, total)`, see `read`.

    Raises:
        FileNotFoundError, ValueError: See `read`.
    """
    return join_photos(_read_labeled_parts(as_list(source), split, progress))


def list_to_learn_from(found) -> str | None:
    """The split that is learned from where nobody names one; None for all photos.

    Args:
        found: Names of splits that a source has.
    """
    return next((name for name in _TO_LEARN_FROM if name in found), None)


def used_splits(found, train_split=None, val_split=None) -> list[str]:
    """The splits that a training learns from and, where one is named, chooses by.

    Args:
        found: Names of splits that a source has.
        train_split: Name of the split to learn from, or None.
        val_split: Name of the split that chooses the epoch, or None.
    """
    learned = train_split or list_to_learn_from(found) or "all"
    return [learned] if val_split is None else [learned, val_split]


def _read_labeled_parts(sources, split, progress):
    """The `Photos` of each source."""
    if split is not None:
        return read_parts(sources, [split] * len(sources), progress)
    lists = [{*splits(path)} - {"all"} for path in sources]
    chosen = [*map(list_to_learn_from, lists)]
    parts = read_parts(sources, chosen, progress)
    for path, own, name, part in zip(sources, lists, chosen, parts, strict=True):
        if own and name is None:
            reason = (
                f"has {', '.join(sorted(own))}, but no {' or '.join(_TO_LEARN_FROM)}: "
                "all of its photos are learned from. --train-split names others"
            )
            part.problems.append(Problem(str(path), reason, "no list to learn from"))
    return parts


def read_training(source, split: str | None = None, seed: int = 0, progress=None):
    """Reads the photos to train on, and those to hold out where nobody said which.

    A split that is named is taken. Otherwise a VOC tree without lists of splits and a
    COCO json that is not named after a split are split 80 to 20, stratified by the
    class of the main object; other sources give what `read_labeled` gives. Write
    `held_out` to the run folder (`photo_table`): only these photos may be reported.

    Where some photos are annotated, the others are left out first, and told as
    problems: shares are of what there is to learn from.

    Args:
        source: Anything `read` understands, or a list of it.
        split: Name of the split to train on, or None.
        seed: Integer that determines the 80/20 split.
        progress: Optional callable `(done, total)`, see `read`.

    Returns:
        `(training, held_out)`: `Photos`, and `Photos` or None where nothing was held
        out.

    Raises:
        FileNotFoundError, ValueError: See `read`.
    """
    sources = as_list(source)
    parts = _read_labeled_parts(sources, split, progress)
    if any(photo.annotated for part in parts for photo in part):
        parts = [*map(without_unannotated, parts)]
    photos = join_photos(parts)
    training, held_out = [], []
    for path, part in zip(sources, parts, strict=True):
        chosen = range(len(part))
        if split is None and splits(path) == ("all",):
            chosen = stratified_share(part, TRAIN_SHARE, f"training {seed}")
        for index, photo in enumerate(part):
            (training if index in chosen else held_out).append(photo)
    if not held_out:
        return photos, None
    held_out = Photos(held_out, f"{photos.name} held out", photos.problems)
    return Photos(training, photos.name, photos.problems, photos), held_out


def split_validation(photos, share: float = VALIDATION_SHARE, seed: int = 0):
    """Splits a validation part off the labelled photos.

    Labels that choose a setting or a checkpoint are labels used: the part is taken
    from the labelled subset, never from the photos that are reported.

    Args:
        photos: `Photos`, the labelled subset.
        share: Share to split off, in `(0, 1)`. Stratified by the class of the main
            object; the last photo of a class is never taken.
        seed: Integer that determines the split.

    Returns:
        `(training, validation)`: `Photos`, and `Photos` or None for fewer than 50
        photos: train a fixed number of steps then, and keep the last weights.
    """
    if not 0 < share < 1:
        raise ValueError(
            f"`share` must lie between 0 and 1, without them. Received: {share}"
        )
    if len(photos) < FEWEST_TO_VALIDATE:
        return photos, None
    chosen = stratified_share(photos, 1 - share, f"validation {seed}")
    rest = set(range(len(photos))) - chosen
    if not rest:
        return photos, None
    return photos.take(chosen), photos.take(rest)
