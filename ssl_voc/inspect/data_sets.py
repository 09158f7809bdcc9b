"""Splits of the data, read and decoded."""

import itertools

import pipelines
from pipelines.photos.photo import join_photos
from pipelines.pools.usable_objects import box_class_names
from pipelines.readers.sources import read_parts
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
        names: Splits to read, of every source; by default all that any has. Of several
            sources without any each is a set of its own.

    Returns:
        List of `DataSet`.

    Raises:
        FileNotFoundError, ValueError: when the data cannot be read.
    """
    if names:
        photos = {name: _read(sources, [name] * len(sources)) for name in names}
    else:
        photos = _read_all(sources)
    classes = {name for part in photos.values() for name in box_class_names(part)}
    return [
        DataSet(name, part, _decode(part, sorted(classes)))
        for name, part in photos.items()
    ]


def _read(sources, splits):
    return join_photos(read_parts(sources, splits, progress_bar("reading photos")))


def _read_all(sources):
    """Maps names of the sets to their photos."""
    splits = _splits(sources)
    if splits:
        return {name: _read(*zip(*own, strict=True)) for name, own in splits.items()}
    # Each alone, as what several name would stand in one of them.
    parts = [_read([source], [None]) for source in sources]
    if len(parts) == 1:
        return {"all": parts[0]}
    names = [part.name for part in parts]
    return {
        part.name if names.count(part.name) == 1 else source: part
        for source, part in zip(sources, parts, strict=True)
    }


def _without_unions(source, names):
    """Splits of a source but those that are two others together, as `trainval`.

    One that lies in a single other stays: it is measured on what was learned.
    """
    if len(names) < 3:
        return names
    paths = {
        name: {photo.path_name for photo in pipelines.read(source, name)}
        for name in names
    }

    def is_union(name):
        parts = [part for part in paths.values() if part < paths[name]]
        pairs = itertools.combinations(parts, 2)
        return any(one | other == paths[name] for one, other in pairs)

    return {name for name in names if not is_union(name)}


def _splits(sources):
    """Maps each split to the sources that have it, and what they call it.

    Returns:
        Dictionary of lists of `(source, name)`; empty where no source has a split.
    """
    named = [set(pipelines.splits(source)) - {"all"} for source in sources]
    if any(named) and not all(named):
        lists = "; ".join(
            f"{source}: {', '.join(sorted(names)) or 'none'}"
            for source, names in zip(sources, named, strict=True)
        )
        raise BadInput(
            f"DATA: some sources have splits and others none ({lists}). Inspect them "
            "one by one."
        )
    found = {}
    for source, names in zip(sources, named, strict=True):
        spelled = next((name for name in VALIDATION if name in names), None)
        for name in _without_unions(source, names):
            # Each tool has its own word for it.
            key = "val" if len(sources) > 1 and name == spelled else name
            found.setdefault(key, []).append((source, name))
    return dict(sorted(found.items(), key=lambda item: _usual_order(item[0])))


def _usual_order(name):
    usual = ("train", *VALIDATION, "trainval", "test")
    return (usual.index(name) if name in usual else len(usual), name)


def _decode(photos, class_names):
    options = {"cache": "none", "progress": progress_bar(f"looking at {photos.name}")}
    problems = []
    if any(photo.objects and photo.annotated for photo in photos):
        try:
            return pipelines.prepare_labeled(
                photos,
                IMAGE_SIZE,
                class_names=class_names,
                objects_required=False,
                **options,
            )
        except ValueError as error:  # not one box is usable: shown as read
            kind = "no usable annotation"
            problems.append(pipelines.Problem(photos.name, str(error), kind))
    pool = pipelines.prepare(photos, IMAGE_SIZE, **options)
    pool.problems.extend(problems)
    return pool


def summarize(sets):
    """Numbers of `summary.json`."""
    return {
        "sets": {each.name: len(each.photos) for each in sets},
        "num_photos": sum(len(each.photos) for each in sets),
        "num_unreadable": sum(len(each.pool.skipped) for each in sets),
        "num_not_annotated": sum(len(each.not_annotated) for each in sets),
        "num_problems": sum(len(each.pool.problems) for each in sets),
    }
