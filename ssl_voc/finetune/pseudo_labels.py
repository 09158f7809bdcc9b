"""What is looked at of a teacher's labels: some photos, their truth, a picture."""

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


def build_teacher_probe(run, data, main_object_only, first_epoch, num_epochs):
    """Builds the callback that looks at a teacher's labels now and then.

    Args:
        run: The `RunFolder`, which gets `pseudo_labels.png`.
        data: `FinetuningData` with photos without boxes.
        main_object_only: Whether a photo has one target.
        first_epoch: Number of the epoch that ends with it first, counted from 1.
        num_epochs: Number of epochs of the run.

    Returns:
        `ssl_voc.callbacks.PseudoLabelProbe`.
    """
    sample, truth = _sample(data, main_object_only)
    images = sample.gather(np.arange(len(sample)))
    return callbacks.PseudoLabelProbe(
        images if truth is None else images["images"],
        truth,
        first_epoch,
        max(1, num_epochs // _NUM_LOOKS),
        show=lambda labels: _draw(run, sample, labels, data.training.class_names),
    )


def _sample(data, main_object_only):
    """Photos without boxes that a teacher's labels are looked at by.

    Where the boxes of most of them are known after all, photos that have some, so that
    mistakes can be counted.

    Args:
        data: `FinetuningData`.
        main_object_only: Whether a photo has one target.

    Returns:
        Tuple of a `pipelines.Pool` and its true objects, arrays as `Pool.targets`, or
        None.
    """
    pool, class_names = data.unlabeled, data.training.class_names
    known = pool.photos.take(
        index
        for index, photo in enumerate(pool.photos)
        if any(item.name in class_names for item in photo.objects)
    )
    photos = known if 2 * len(known) >= len(pool) else pool.photos
    photos = photos.take(pipelines.choose_varied(photos, _NUM_PHOTOS))
    size = pool.image_size
    if 2 * len(known) < len(pool):
        return pipelines.prepare(photos, size, letterboxed=True, cache="memory"), None
    sample = pipelines.prepare_labeled(
        photos,
        size,
        class_names=class_names,
        main_object_only=main_object_only,
        objects_required=False,
        cache="memory",
    )
    return sample, sample.targets


def _draw(run, pool, labels, class_names):
    """Leaves a picture of what the teacher finds in photos without boxes.

    Args:
        run: The `RunFolder`.
        pool: `pipelines.Pool` of the photos.
        labels: Dictionary of arrays that `PseudoLabeler` gives of them.
        class_names: Names of the classes.
    """
    chosen = pipelines.choose_varied(pool.photos, _NUM_SHOWN)
    images = pool.gather(chosen)
    images = images if pool.objects is None else images["images"]
    tiles = []
    for row, image in zip(chosen, images, strict=True):
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
        run.path / "pseudo_labels.png", [("", tiles)], 6, legend=(_SURE, _UNSURE)
    )
