"""Training and validation photos of a fine-tuning."""

import dataclasses
import shlex

import numpy as np

import pipelines
from pipelines.images.near_duplicates import rows_without_near_duplicates
from pipelines.pools.preparation import prepare_for_hashes
from pipelines.pools.usable_objects import box_class_names
from pipelines.readers.split_names import (
    REPORTED_SPLITS,
    common_splits,
    reported_split,
    unused_splits,
)
from pipelines.readers.training_splits import (
    FEWEST_TO_VALIDATE,
    VALIDATION_SHARE,
    used_splits,
)
from ssl_voc.cli.errors import BadInput
from ssl_voc.finetune.config import FEWEST_TO_CHOOSE
from ssl_voc.runs.finished_run import (
    HELD_OUT_LIST,
    PRETRAINING_LIST,
    PRETRAINING_UNLABELED_LIST,
    TRAINING_LIST,
    UNLABELED_LIST,
    VALIDATION_LIST,
)
from ssl_voc.runs.progress_bar import progress_bar
from ssl_voc.training.exposure import inherit_exposure
from ssl_voc.training.input_checks import origins_of
from ssl_voc.training.photo_lists import list_photos, refuse_other_labels


@dataclasses.dataclass(frozen=True)
class FinetuningData:
    """Prepared photos of a fine-tuning.

    Attributes:
        training: `pipelines.Pool` that is learned from.
        validation: `Pool` that chooses the epoch, or None.
        unlabeled: `Pool` of `--unlabeled`, without boxes, or None.
        report: `pipelines.DataReport` of both.
    """

    training: pipelines.Pool
    validation: pipelines.Pool | None
    unlabeled: pipelines.Pool | None
    report: pipelines.DataReport


def prepare_finetuning_data(config, run, main_object_only):
    """Reads, splits, prepares and reports the photos, and lists them in the run folder.

    Args:
        config: A `FinetuneConfig`.
        run: The `RunFolder`.
        main_object_only: Whether a photo has one target; photos without an object are
            then left out.

    Returns:
        `FinetuningData`.

    Raises:
        BadInput: when photos of `--val-split` were seen in training, the data is not
            what it was when the run began, or flags do not fit it.
        ValueError, OSError: when the data cannot be used.
    """
    training, validation, held_out, class_names = _read_and_split(config)
    if held_out is None:
        _tell_of_other_splits(config)
    if config.unlabeled and main_object_only and len(class_names) == 1:
        raise BadInput(
            "--unlabeled: a localizer of one class is sure of every photo, as its only "
            "score is always 1. Take --task detect, or leave it out."
        )

    def prepare(photos, what="validation", objects_required=True):
        return pipelines.prepare_labeled(
            photos,
            config.image_size,
            class_names=class_names,
            main_object_only=main_object_only,
            objects_required=objects_required,
            cache=config.cache,
            progress=progress_bar(f"preparing {what} photos"),
        )

    training = prepare(training, "training")
    if validation is not None:
        # A share of the labels may show none; a split that was named should.
        is_named = config.val_split is not None
        validation = prepare(validation, objects_required=is_named)
        if not is_named:
            kept = _rows_to_keep(validation, training.hashes, "validation")
            if not kept:
                validation = None
            elif len(kept) < len(validation):
                kept = validation.photos.take(kept)
                validation = prepare(kept, objects_required=False)
    if validation is not None and not _shows_objects(validation):
        print(f"validation: none; its {len(validation)} photos show no object")
        validation = None
    if validation is None and config.patience is not None:
        raise BadInput(
            f"--patience: no score is there to wait for: of {len(training)} labelled "
            "photos none are kept to choose the epoch. Leave it out, or name a "
            "--val-split."
        )
    pools = {TRAINING_LIST: training, VALIDATION_LIST: validation}
    if held_out is not None:
        pools[HELD_OUT_LIST] = _prepare_held_out(held_out, _hashes_of(pools))
    if config.unlabeled:
        used = np.concatenate([_hashes_of(pools), *_hashes_of_other_splits(config)])
        pools[UNLABELED_LIST] = _prepare_unlabeled(config, used)
    _list_pools(run, pools)
    refuse_other_labels(run, *map(_labels_of, filter(None, (training, validation))))
    report = _report(config, run, pools)
    return FinetuningData(training, validation, pools.get(UNLABELED_LIST), report)


def _shows_objects(pool):
    """Whether there is an object to find: without one no score is a number."""
    return bool(np.any((pool.targets["classes"] >= 0) & ~pool.targets["difficult"]))


def _read_and_split(config):
    """The `Photos` to learn from, to validate on and to hold out; the class names."""
    source = [*config.data]
    labelled, held_out = pipelines.read_training(
        source,
        config.train_split,
        config.seed_of_split,
        progress_bar("reading photos"),
    )
    # Of all labels, so that a small share of them does not lose a class.
    class_names = _class_names(config.class_names, labelled)
    training = pipelines.label_subset(
        labelled, config.label_fraction, config.labels_per_class, config.seed
    )
    validation = None
    if config.val_split is not None:
        validation = pipelines.read(source, config.val_split)
    elif share := _validation_share(config, len(training)):
        training, validation = pipelines.split_validation(training, share, config.seed)
    return training, validation, held_out, class_names


def _validation_share(config, num_labels):
    """Share of the labels that choose the epoch; says where labels are too few."""
    share, fewest = config.val_share, FEWEST_TO_VALIDATE
    if share is None:
        share, fewest = VALIDATION_SHARE, FEWEST_TO_CHOOSE
    if not share or num_labels >= fewest or config.patience is not None:
        return share
    print(
        f"validation: none; all {num_labels} photos are learned from, and the last "
        f"epoch is kept (fewer than {fewest}"
        + f"; --val-share {VALIDATION_SHARE} would choose one"
        * (num_labels >= FEWEST_TO_VALIDATE)
        + ")",
        flush=True,
    )
    return 0.0


def _hashes_of(pools):
    return np.concatenate([p.hashes for p in pools.values() if p is not None])


def _list_pools(run, pools):
    """Writes the list of each pool's photos, or finds that it is still the same."""
    for name, pool in pools.items():
        if pool is not None:
            flag = "--unlabeled" if name == UNLABELED_LIST else "--data"
            list_photos(run, name, pool.photos, pool.hashes, flag)


def _report(config, run, pools):
    """Writes the `DataReport`.

    Raises:
        BadInput: when photos of `--val-split` were seen in training.
    """
    validation = pools[VALIDATION_LIST]
    tables = inherit_exposure(run, origins_of(config))
    _tell_of_exposure(pools.get(HELD_OUT_LIST), tables)
    seen, seen_without_labels = (
        [tables[name]] if config.val_split is not None and name in tables else ()
        for name in (PRETRAINING_LIST, PRETRAINING_UNLABELED_LIST)
    )
    report = pipelines.report_data(
        pools[TRAINING_LIST],
        validation,
        seen=seen,
        seen_without_labels=seen_without_labels,
    )
    run.write_text("data_report.txt", report.text() + "\n")
    run.write_json("data_report.json", report.as_dict())
    print(report.text(), flush=True)
    is_named = config.val_split is not None
    if is_named and report.num_leaked and not config.allow_leakage:
        raise BadInput(
            f"--val-split: {report.num_leaked} of the {len(validation)} photos of "
            f"{config.val_split!r} were seen in training, in this or nearly this form; "
            "the report above names the first. Choose another split, or "
            "--allow-leakage, whose data_report.json lists all."
        )
    return report


def _labels_of(pool):
    """Names of the classes, and arrays of boxes and classes."""
    return pool.class_names, [pool.targets[name] for name in sorted(pool.targets)]


def _class_names(wanted, labelled):
    """The classes that were asked for, or all that have a box."""
    found = box_class_names(labelled)
    missing = [name for name in wanted if name not in found]
    if missing and found:
        raise BadInput(
            f"--class-names: no photo to learn from in {labelled.name} shows "
            f"{', '.join(map(repr, missing))}; they show {', '.join(map(repr, found))}."
        )
    return wanted or found


def _rows_to_keep(pool, used, what):
    """Indices of the photos that resemble none in use, by hashes; tells of the others.

    `what` is the adjective of the pool's photos.
    """
    kept = rows_without_near_duplicates(pool.hashes, used)
    left_out = len(pool) - len(kept)
    if left_out:
        others = {*range(len(pool))} - {*kept}
        print(
            f"left {left_out} {what} photos out, such as "
            f"{pool.photos[min(others)].path_name}: near-duplicates of training photos "
            "(the same but for size, brightness or compression)"
        )
    return kept


def flags_to_measure(config):
    """Flags of `evaluate` that name photos of the data which the run has not used.

    Args:
        config: A `FinetuneConfig`.

    Returns:
        Text: `--split` and a split that is left in all sources, else `--data` and
        `--split` of the first that has one left; None where the run has used all. The
        split is `SPLIT` where only those of names that mean nothing are left.
    """
    source, unused = _photos_left(config)
    return _flags(source, reported_split(unused) or "SPLIT") if unused else None


def _flags(source, split):
    flags = f"--split {split}"
    return flags if source is None else f"--data {shlex.quote(str(source))} {flags}"


def _photos_left(config):
    """The splits that are left in all sources, after None, else a source and its own.

    That is the first source that has some; none are left where the list is empty.
    """
    left = [_unused_splits_of(source, config) for source in config.data]
    if common := common_splits(left):
        return None, common
    pairs = zip(config.data, left, strict=True)
    return next((pair for pair in pairs if pair[1]), (None, []))


def _unused_splits_of(source, config):
    found = _splits_of(source)
    used = used_splits(found, config.train_split, config.val_split)
    return unused_splits(found, used)


def _splits_of(source):
    try:
        return pipelines.splits(source)
    except (ValueError, OSError):
        return ()  # The data went away since: the trained model is still reported.


def _tell_of_other_splits(config):
    """Says which split of the data is left to measure on."""
    source, unused = _photos_left(config)
    if not unused:
        print(
            "held out: none; the data has no split that is not used. Measure on other "
            "photos, by evaluate --data, or put a fifth of these into a split test "
            "first",
            flush=True,
        )
    elif split := reported_split(unused):
        flags = _flags(source, split)
        print(f"held out: the split {split}, for evaluate {flags}", flush=True)


def _prepare_held_out(photos, used):
    """A pool of the held-out photos that resemble none in use, for their hashes.

    None where none is left.
    """
    pool = prepare_for_hashes(photos, progress_bar("looking at held-out photos"))
    kept = _rows_to_keep(pool, used, "held-out")
    print(f"held out: {len(kept)} photos, for evaluate", flush=True)
    return pool.select(kept) if kept else None


def _hashes_of_other_splits(config):
    """Hashes of the photos of `--data` that are there to be evaluated, by split."""
    for source in config.data:
        others = {*pipelines.splits(source)} & {*REPORTED_SPLITS}
        for name in sorted(others - {config.train_split, config.val_split}):
            try:
                photos = pipelines.read(source, name)
            except (ValueError, OSError) as error:
                print(f"{name} is not kept out of --unlabeled: {error}", flush=True)
                continue
            shown = progress_bar(f"looking at photos of {name}")
            yield prepare_for_hashes(photos, shown).hashes


def _prepare_unlabeled(config, used):
    """A pool of the photos of `--unlabeled` that resemble none in use, by hashes.

    Photos with boxes would be learned twice, and those that choose the epoch, or are
    held out to be evaluated, would be no longer unseen.

    Raises:
        BadInput: when none is left.
    """
    pool = pipelines.prepare(
        pipelines.read([*config.unlabeled], None, progress_bar("reading photos")),
        config.image_size,
        letterboxed=True,
        cache=config.cache,
        progress=progress_bar("preparing photos without boxes"),
    )
    kept = rows_without_near_duplicates(pool.hashes, used)
    if not kept:
        raise BadInput(
            "--unlabeled: no photo is left that is not in use with its boxes, or to be "
            "evaluated. Name other photos."
        )
    left_out = len(pool) - len(kept)
    if left_out:
        print(
            f"left {left_out} photos of --unlabeled out: near-duplicates of those with "
            "boxes, or of those to be evaluated"
        )
    return pool.select(kept)


def _tell_of_exposure(held_out, tables):
    """Says early what `evaluate` will tell or refuse."""
    for name, table in tables.items() if held_out is not None else ():
        words, then = "without their labels", "the figures will say so"
        if name == PRETRAINING_LIST:
            words, then = "with labels", "`evaluate` will want --allow-leakage"
        duplicates = pipelines.find_near_duplicates(held_out.hashes, table.hashes)
        if duplicates:
            print(
                f"the backbone saw {len(duplicates)} of the {len(held_out)} held-out "
                f"photos {words}: {then}"
            )
