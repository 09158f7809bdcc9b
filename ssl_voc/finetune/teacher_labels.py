"""Probe of a teacher's labels: photos, true boxes, a picture."""

import numpy as np

import pipelines
from ssl_voc import callbacks
from ssl_voc.visualization.box_outlines import BoxOutline, BoxStyle
from ssl_voc.visualization.contact_sheet import draw_contact_sheet, image_tile
from ssl_voc.visualization.style import COLORS

# Entries of the logs.
OF_TEACHER = ("pool_used", "teacher_agreement", "teacher_precision", "teacher_recall")
_SURE = BoxStyle("sure: learned", COLORS[1])
_UNSURE = BoxStyle("not sure: left out", COLORS[3])
_NUM_PHOTOS, _NUM_SHOWN = 200, 12
# How often in a run, about.
_NUM_LOOKS = 20
_LARGEST_BATCH = 32  # of photos that are looked at


def build_pseudo_label_probe(run, config, data, main_object_only, first_epoch):
    """Builds the callback that looks at a teacher's labels now and then.

    The photos are drawn by the seed alone: what is known of their boxes is measured,
    and nothing that the training does depends on it.

    Args:
        run: The `RunFolder`, which gets `pseudo_labels.png`.
        config: A `FinetuneConfig`, resolved.
        data: `FinetuningData` with photos without boxes.
        main_object_only: Whether a photo has one target.
        first_epoch: Number of the epoch that ends with it first, counted from 1.

    Returns:
        `ssl_voc.callbacks.PseudoLabelProbe`.
    """
    drawn = np.random.default_rng(config.seed).permutation(len(data.unlabeled))
    sample = data.unlabeled.select(np.sort(drawn[:_NUM_PHOTOS]))
    class_names = data.training.class_names
    truth, rows = _truth(sample, class_names, main_object_only)
    return callbacks.PseudoLabelProbe(
        sample.gather(np.arange(len(sample))),
        truth,
        rows,
        first_epoch,
        max(1, config.epochs // _NUM_LOOKS),
        batch_size=min(_LARGEST_BATCH, 2 * config.batch_size),
        show=lambda labels: _draw(run, sample, labels, class_names),
    )


def _truth(sample, class_names, main_object_only):
    """Boxes of those photos that have some after all, if most do.

    Args:
        sample: `pipelines.Pool` without boxes.
        class_names: Names of the classes.
        main_object_only: Whether a photo has one target.

    Returns:
        Tuple of arrays as `Pool.targets` and of the photos' indices; of None twice
        where the boxes of less than half of them are known.
    """
    sources = {
        photo.source
        for photo in sample.photos
        if any(item.name in class_names for item in photo.objects)
    }
    known = [
        index
        for index, photo in enumerate(sample.photos)
        if photo.annotated and photo.source in sources
    ]
    if 2 * len(known) < len(sample):
        return None, None
    try:
        labelled = pipelines.prepare_labeled(
            sample.photos.take(known),
            sample.image_size,
            class_names=class_names,
            main_object_only=main_object_only,
            objects_required=False,
            cache="memory",
        )
    except ValueError:  # not one of the annotations can be used
        return None, None
    row_of = {photo.path_name: row for row, photo in enumerate(sample.photos)}
    rows = [row_of[photo.path_name] for photo in labelled.photos]
    return (labelled.targets, rows) if rows else (None, None)


def _draw(run, pool, labels, class_names):
    """Leaves a picture of what the teacher finds in photos without boxes.

    Args:
        run: The `RunFolder`.
        pool: `pipelines.Pool` of the photos.
        labels: Dictionary of arrays that `PseudoLabeler` gives of them.
        class_names: Names of the classes.
    """
    chosen = pipelines.choose_varied(pool.photos, _NUM_SHOWN)
    tiles = []
    for row, image in zip(chosen, pool.gather(chosen), strict=True):
        classes = labels["classes"][row]
        outlines = [
            BoxOutline(
                labels["boxes"][row, place],
                _UNSURE if labels["difficult"][row, place] else _SURE,
                class_names[int(classes[place])],
            )
            for place in np.flatnonzero(classes >= 0)
        ]
        caption = pool.photos[int(row)].image_id
        tiles.append(image_tile(image, caption, outlines))
    draw_contact_sheet(
        run.path / "pseudo_labels.png",
        [("", tiles)],
        6,
        "What the teacher finds in photos without boxes",
        legend=(_SURE, _UNSURE),
    )
