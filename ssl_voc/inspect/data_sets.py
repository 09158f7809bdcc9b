"""Splits of the data, read and decoded."""

import contextlib
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
        names: Splits to read; by default all that every source has. Of several sources
            without any each is a set of its own.

    Returns:
        List of `DataSet`.

    Raises:
        FileNotFoundError, ValueError: when the data cannot be read.
    """
    if names:
        photos = {name: _read(sources, [name] * len(sources)) for name in names}
    else:
        photos = _without_unions(_read_all(sources))
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
        return {name: _read(sources, own) for name, own in splits.items()}
    # Each alone, as what several name would stand in one of them.
    parts = [_read([source], [None]) for source in sources]
    if len(parts) == 1:
        return {"all": parts[0]}
    names = [part.name for part in parts]
    return {
        part.name if names.count(part.name) == 1 else source: part
        for source, part in zip(sources, parts, strict=True)
    }


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
    """Maps the splits that every source has to what each calls it; may be empty."""
    named = [set(pipelines.splits(source)) - {"all"} for source in sources]
    common = {name: [name] * len(sources) for name in set.intersection(*named)}
    if common.keys().isdisjoint(VALIDATION):
        own = [next((n for n in VALIDATION if n in names), None) for names in named]
        if None not in own:
            common["val"] = own
    if common or not any(named):
        return dict(sorted(common.items(), key=lambda item: _usual_order(item[0])))
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
