"""Unlabeled batches in one call, for user scripts."""

from pipelines.pools.preparation import prepare


def unlabeled(source, image_size: int, batch_size: int, seed: int = 0, **options):
    """Endless shuffled batches of unlabeled images from any source.

    The stream is infinite: pass `steps_per_epoch` to `fit`. `prepare` gives a `Pool`,
    which also knows its size, its labels and the photos that were skipped.

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
