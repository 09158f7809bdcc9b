"""Labelled batches in one call, for user scripts."""

from pipelines.pools.labeled_preparation import prepare_labeled


def localization(
    source, image_size: int, batch_size: int, *, training=True, seed=0, **options
):
    """Batches with one target a photo: its largest object that is not difficult.

    Photos without one are left out. Training batches never end: pass
    `steps_per_epoch` to `fit`. `prepare_labeled(..., main_object_only=True)` gives the
    `LabeledPool` behind them, which knows its size, its classes, and what was left out
    or wrong.

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
        `tf.data.Dataset` of the dicts described in `LabeledPool`.

    Example:
        >>> batches = localization("VOC2007/", image_size=160, batch_size=32)
        >>> model.fit(batches, steps_per_epoch=40, epochs=20)
    """
    pool = prepare_labeled(source, image_size, main_object_only=True, **options)
    return _dataset(pool, batch_size, training, seed)


def detection(
    source, image_size: int, batch_size: int, *, training=True, seed=0, **options
):
    """Batches with all objects of a photo; photos without objects are kept.

    Arguments and result are those of `localization`.
    """
    pool = prepare_labeled(source, image_size, **options)
    return _dataset(pool, batch_size, training, seed)


def _dataset(pool, batch_size, training, seed):
    if training:
        return pool.dataset(batch_size, seed)
    return pool.evaluation_dataset(batch_size)
