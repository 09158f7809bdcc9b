"""Batches from a source in one call, for user scripts."""

from pipelines.pools.preparation import prepare, prepare_labeled


def unlabeled(source, image_size: int, batch_size: int, seed: int = 0, **options):
    """Endless shuffled batches of unlabeled images from any source.

    Pass `steps_per_epoch` to `fit`. `prepare` gives the `Pool` behind the batches,
    which knows its size, its labels and the photos that were skipped.

    Args:
        source: Anything `read` understands.
        image_size: Side of the square images in pixels.
        batch_size: Number of images in a batch.
        seed: Non-negative integer that determines the order.
        **options: `split`, `cache`, `cache_dir`, `workers` and `progress` of `prepare`.

    Returns:
        `tf.data.Dataset` of uint8 tensors `(batch_size, image_size, image_size, 3)`
        with values in `[0, 255]`.

    Example:
        >>> images = unlabeled("photos/", image_size=112, batch_size=64)
        >>> model.fit(images, steps_per_epoch=100, epochs=10)
    """
    return prepare(source, image_size, **options).dataset(batch_size, seed)


def detection(
    source, image_size: int, batch_size: int, *, training=True, seed=0, **options
):
    """Batches with all objects of a photo; photos without objects are kept.

    `prepare_labeled` gives the `Pool` behind the batches.

    Args:
        source: Anything `read` understands.
        image_size: Side of the square images in pixels.
        batch_size: Number of photos in a batch.
        training: Whether batches are shuffled and endless. Otherwise every photo comes
            once, in order, and the last batch is short.
        seed: Non-negative integer that determines the order of training.
        **options: `split`, `class_names`, `max_boxes`, `cache`, `cache_dir`, `workers`
            and `progress` of `prepare_labeled`.

    Returns:
        `tf.data.Dataset` of the dicts described in `Pool`.

    Example:
        >>> batches = detection("VOC2007/", image_size=160, batch_size=32)
        >>> model.fit(batches, steps_per_epoch=40, epochs=20)
    """
    pool = prepare_labeled(source, image_size, **options)
    if training:
        return pool.dataset(batch_size, seed)
    return pool.evaluation_dataset(batch_size)


def localization(source, image_size: int, batch_size: int, **options):
    """Batches with one target a photo: its largest object that is not difficult.

    Photos without one are left out. Arguments and result are those of `detection`.
    """
    return detection(source, image_size, batch_size, main_object_only=True, **options)
