"""Splits of the data, read and decoded."""

import contextlib
import itertools

import pipelines
from pipelines.pools.usable_objects import box_class_names
from pipelines.readers.split_names import VALIDATION
from ssl_voc.cli.errors import BadInput
from ssl_voc.data_page.data_set import DataSet
from ssl_voc.runs.progress_bar import progress_bar

# Boxes are judged in squares of this side, what detectors train on by default.
IMAGE_SIZE = 160


def read_data_sets(sources, names=()):
    """Reads each split of the sources and decodes its photos.

    Args:
        sources: List of what `pipelines.read` understands.
        names: Splits to read; by default all that every source has, or all photos.

    Returns:
        List of `DataSet`.

    Raises:
        FileNotFoundError, ValueError: when the data cannot be read.
    """
    photos = {
        name or "all": pipelines.read(sources, name, progress_bar("reading photos"))
        for name in names or _splits(sources)
    }
    if not names:
        photos = _without_unions(photos)
    classes = {name for part in photos.values() for name in box_class_names(part)}
    return [
        DataSet(name, part, _decode(part, sorted(classes)))
        for name, part in photos.items()
    ]


def _without_unions(photos):
    """The sets but those that are two others together, as `trainval`.

    One that lies in a single other set stays: it is measured on what was learned.
    """
    paths = {name: {photo.path_name for photo in part} for name, part in photos.items()}

    def is_union(name):
        parts = [other for other in paths if paths[other] < paths[name]]
        pairs = itertools.combinations(parts, 2)
        return any(paths[one] | paths[other] == paths[name] for one, other in pairs)

    return {name: part for name, part in photos.items() if not is_union(name)}


def _splits(sources):
    named = [set(pipelines.splits(source)) - {"all"} for source in sources]
    common = sorted(set.intersection(*named), key=_usual_order)
    if common or not any(named):
        return common or [None]
    lists = "; ".join(
        f"{source}: {', '.join(sorted(names)) or 'none'}"
        for source, names in zip(sources, named, strict=True)
    )
    raise BadInput(f"DATA: no split is in every source ({lists}). Name one by --split.")


def _usual_order(name):
    usual = ("train", *VALIDATION, "trainval", "test")
    return (usual.index(name) if name in usual else len(usual), name)


def _decode(photos, class_names):
    options = {"cache": "none", "progress": progress_bar(f"looking at {photos.name}")}
    if any(photo.objects and photo.annotated for photo in photos):
        with contextlib.suppress(ValueError):  # not one box is usable: shown as read
            return pipelines.prepare_labeled(
                photos,
                IMAGE_SIZE,
                class_names=class_names,
                objects_required=False,
                **options,
            )
    return pipelines.prepare(photos, IMAGE_SIZE, **options)


def summarize(sets):
    """Numbers of `summary.json`."""
    return {
        "sets": {each.name: len(each.photos) for each in sets},
        "num_photos": sum(len(each.photos) for each in sets),
        "num_unreadable": sum(len(each.pool.skipped) for each in sets),
        "num_not_annotated": sum(len(each.not_annotated) for each in sets),
        "num_problems": sum(len(each.pool.problems) for each in sets),
    }
