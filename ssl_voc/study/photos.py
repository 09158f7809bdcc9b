"""Photos of a study: those to learn from, to report and to pretrain on."""

import contextlib
import dataclasses
import hashlib
import os
from pathlib import Path

import pipelines
from pipelines.readers.sources import place_of
from pipelines.readers.split_names import reported_split, unused_splits
from pipelines.readers.training_splits import used_splits
from ssl_voc.cli.errors import BadInput, as_bad_input
from ssl_voc.runs.paths import real_path
from ssl_voc.study.arms import default_arms, parse_arms, parse_flags, values_of
from ssl_voc.training.input_checks import (
    refuse_missing_source,
    refuse_unusable_weights,
)


@dataclasses.dataclass(frozen=True)
class StudyPhotos:
    """The photos of a study, read and not yet decoded.

    Attributes:
        labelled: `Photos` of which the labels are shares.
        reported: `Photos` whose figures are reported.
        pools: Dictionary from the `Link` of a pretraining to its `Photos`.
        unlabeled: Dictionary from `--unlabeled` of a fine-tuning to its `Photos`.
        evaluation: Pairs of flag and value of `evaluate` that name the reported ones.
        sources: `--data`.
        weights: Dictionary from the path of weights that an arm begins with, of a
            teacher, or of a backbone, to their digest.
    """

    labelled: object
    reported: object
    pools: dict
    unlabeled: dict
    evaluation: tuple
    sources: tuple[str, ...]
    weights: dict

    def count(self, link):
        """Number of photos that a pretraining learns from."""
        photos = self.pools[link]
        if link.uses_labels:
            return sum(photo.label is not None for photo in photos)
        return len(photos)

    def digests(self):
        """Texts that are others where photos were added, moved, or labelled anew.

        Returns:
            Pairs of what was read and its digest: `()` for the labelled and reported
            photos, the objective and the sources for the photos of a pretraining, whose
            labels count if it learns them, `("unlabeled", source)` for those of a
            fine-tuning without boxes, `("weights", path)` for weights.
        """
        own = _digest(self.sources, [*self.labelled, *self.reported], True)
        pools = (
            (link.key, _digest(link.source, pool, link.uses_labels))
            for link, pool in self.pools.items()
        )
        unlabeled = (
            (("unlabeled", source), _digest((source,), photos, False))
            for source, photos in self.unlabeled.items()
        )
        weights = ((("weights", path), text) for path, text in self.weights.items())
        return (((), own), *pools, *unlabeled, *weights)


def _digest(sources, photos, with_labels):
    places = [place_of(source) for source in sources]
    rows = [
        (
            photo.image_id,
            _num_bytes(photo),
            *((photo.label, photo.objects) if with_labels else ()),
        )
        for photo in photos
    ]
    text = repr((places, rows)).encode("utf-8", "backslashreplace")
    return hashlib.sha256(text).hexdigest()[:16]


def _num_bytes(photo):
    """Size of a photo's file; None of a photo that has no file of its own."""
    with contextlib.suppress(OSError):
        return os.path.getsize(photo.path_name)


def read_photos(config):
    """Reads the photos that a study needs.

    Args:
        config: A `StudyConfig`.

    Returns:
        `StudyPhotos`.

    Raises:
        BadInput: when there are none, or a photo to report is learned from.
    """
    evaluation = _reported_photos(config)
    with as_bad_input():
        labelled, reported = pipelines.read_training(
            [*config.data], config.train_split, config.seed
        )
        if evaluation:
            reported = pipelines.read([*config.data], dict(evaluation)["--split"])
    if not reported:
        raise BadInput("--data: no photos are left to report. Name some by --split.")
    _refuse_seen("--split", labelled, reported)
    for source in config.unlabeled:
        refuse_missing_source("--unlabeled", source)
    arms, pools = arms_of(config), {}
    _refuse_unusable(arms)
    for arm in arms:
        for link in arm.pretrainings:
            if link not in pools:
                read = pipelines.read_labeled if link.uses_labels else pipelines.read
                with as_bad_input():
                    pools[link] = read([*link.source])
            if link.uses_labels:
                _refuse_one_class(arm, link, pools[link])
                _refuse_seen(f"--arm {arm.name}", pools[link], reported)
    return StudyPhotos(
        labelled=labelled,
        reported=reported,
        pools=pools,
        unlabeled=_read_unlabeled(config, arms),
        evaluation=evaluation,
        sources=config.data,
        weights=_weights_of(config, arms),
    )


def _read_unlabeled(config, arms):
    """Photos of each `--unlabeled` of fine-tunings, by source."""
    flags = parse_flags(config.finetune, "finetune"), *(arm.flags for arm in arms)
    read = {}
    for source in (name for own in flags for name in values_of("--unlabeled", own)):
        refuse_missing_source("--unlabeled", source)
        with as_bad_input():
            read[source] = pipelines.read(source)
    return read


def _weights_of(config, arms):
    """Digests of the weights that an arm begins with, of teachers and the backbone."""
    links = [link for arm in arms for link in arm.pretrainings]
    flags = parse_flags(config.pretrain, "pretrain"), *(link.flags for link in links)
    names = {name for own in flags for name in values_of("--teacher", own)}
    names |= {arm.start for arm in arms if arm.starts_from_path}
    names |= {config.backbone} - {None}
    digests = {name: weights_digest(name) for name in sorted(names)}
    return {name: digest for name, digest in digests.items() if digest}


def weights_digest(name):
    """Digest of a file, or of a run's backbone; None where there is no such path."""
    path = Path(os.path.expanduser(name))
    with contextlib.suppress(OSError):
        with open(path / "backbone.keras" if path.is_dir() else path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def arms_of(config, imagenet=True):
    """The arms that were asked for, or those that most people want to know of.

    Args:
        config: A `StudyConfig`.
        imagenet: Whether ImageNet weights can be had.

    Raises:
        BadInput: when an arm cannot be read, or its weights cannot be had.
    """
    if not config.arm:
        return default_arms(imagenet, config.unlabeled or config.data)
    arms = parse_arms(config.arm)
    if not imagenet and any(arm.start == "imagenet" for arm in arms):
        raise BadInput(
            "--arm: ImageNet weights cannot be had here (no network), or none exist "
            f"for {config.backbone}. Give the path of Keras' '..._notop.h5' file in "
            "place of imagenet, or another --backbone."
        )
    return tuple(arms)


def _reported_photos(config):
    """Flags of `evaluate` that name the photos whose figures are reported."""
    splits = []
    for source in config.data:
        refuse_missing_source("--data", source)
        with as_bad_input():
            splits.append(set(pipelines.splits(source)) - {"all"})
    common = set.intersection(*splits)
    if config.split is not None:
        return (("--split", config.split),)
    if not any(splits) and all(pipelines.splits(source) for source in config.data):
        return ()  # held out by finetune
    used = [used_splits(names, config.train_split)[0] for names in splits]
    left = unused_splits(common, used)
    if not left:
        raise BadInput(
            "--data: no split is left to report. Expected lists such as train and val, "
            "or data that nobody has split."
        )
    named = reported_split(left)
    if named is None:
        raise BadInput(
            f"--split: name the photos to report, one of: {', '.join(sorted(left))}."
        )
    return (("--split", named),)


def _refuse_seen(place, seen, reported):
    """Refuses what all runs would find out, after hours: photos seen with labels."""
    paths = {_identity(photo) for photo in seen}
    number = sum(_identity(photo) in paths for photo in reported)
    if number:
        raise BadInput(
            f"{place}: {number} of the {len(reported)} photos to report are learned "
            "from with their labels. Name others by --split or --train-split."
        )


def _refuse_one_class(arm, link, photos):
    """Refuses labels that tell nothing apart, as a pretraining on them would, late."""
    names = {photo.label for photo in photos} - {None}
    if len(names) < 2:
        raise BadInput(
            f"--arm {arm.name}: expected photos of two classes or more to learn from, "
            f"got {', '.join(map(repr, names)) or 'no labels'} in "
            f"{', '.join(link.source)}."
        )


def _identity(photo):
    return photo.image_id, real_path(photo.path_name)


def _refuse_unusable(arms):
    for arm in arms:
        if arm.starts_from_path:
            refuse_unusable_weights("--arm", arm.start)
        for link in arm.pretrainings:
            for name in link.source:
                refuse_missing_source("--arm", name)
