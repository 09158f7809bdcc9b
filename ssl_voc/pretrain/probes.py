"""Probes of a pretraining, and the photos whose features they measure."""

import math

import numpy as np

from ssl_voc.callbacks.cell_probe import CellProbe
from ssl_voc.callbacks.feature_probe import FeatureProbe

# Photos whose features give the effective rank, which depends on their number.
NUM_RANK_PHOTOS = 512
# Photos whose cells are looked at: one in so many, for a hundredth of an epoch's work.
_PHOTOS_PER_CELL_PHOTO = 32
_NUM_CELL_PHOTOS = (8, 128)
# Labelled photos that the k-NN probe looks at, at most; half of them are queries. They
# are held in memory: fewer where they are large.
MAX_KNN_PHOTOS, _MAX_KNN_BYTES = 4000, 2**30
NUM_KNN_PROBES = 9  # over the whole run, at most


def build_probe(backbone, pool, config, jit_compile, use_knn_probe=True):
    """Builds the `FeatureProbe` of a pretraining.

    Args:
        backbone: The model whose features are looked at.
        pool: `pipelines.Pool` of the photos.
        config: A `PretrainConfig`.
        jit_compile: Whether inference is compiled by XLA.
        use_knn_probe: Whether k-NN accuracy on the pool's labels is measured.

    Returns:
        A `ssl_voc.callbacks.FeatureProbe`; without k-NN where no labels tell photos
        apart.
    """
    random = np.random.default_rng(config.seed)
    num_rank = min(NUM_RANK_PHOTOS, len(pool))
    rank_indices = np.sort(random.permutation(len(pool))[:num_rank])
    knn_images = knn_labels = None
    if use_knn_probe:
        knn_indices, labels = choose_knn_photos(pool, random)
        if len(knn_indices):
            knn_images, knn_labels = pool.gather(knn_indices), labels
    return FeatureProbe(
        backbone,
        config.image_size,
        rank_images=pool.gather(rank_indices),
        knn_images=knn_images,
        knn_labels=knn_labels,
        knn_epochs=knn_epochs(config.epochs),
        batch_size=min(config.batch_size, 128),
        jit_compile=jit_compile,
    )


def build_cell_probe(backbone, pool, config, jit_compile):
    """Builds the `CellProbe` of a pretraining, on some of the photos of the rank.

    Args:
        backbone: The model whose feature maps are looked at.
        pool: `pipelines.Pool` of the photos.
        config: A `PretrainConfig`.
        jit_compile: Whether inference is compiled by XLA.
    """
    order = np.random.default_rng(config.seed).permutation(len(pool))
    low, high = _NUM_CELL_PHOTOS
    chosen = np.sort(order[: min(high, max(low, len(pool) // _PHOTOS_PER_CELL_PHOTO))])
    return CellProbe(
        backbone,
        config.image_size,
        pool.gather(chosen),
        batch_size=min(config.batch_size, 128),
        jit_compile=jit_compile,
    )


def knn_epochs(num_epochs):
    """Epochs, of so many, after which k-NN accuracy is measured: the last, too."""
    every = math.ceil(num_epochs / NUM_KNN_PROBES)
    return frozenset([*range(every, num_epochs, every), num_epochs])


def choose_knn_photos(pool, random):
    """Indices of shuffled labelled photos and their labels as integers.

    A source whose photos all have one class says nothing about telling classes apart
    and is left out.
    """
    labelled = [(photo.source, photo.label) for photo in pool.photos]
    classes = {}
    for source, label in labelled:
        classes.setdefault(source, set()).add(label)
    told_apart = {name for name, found in classes.items() if len(found - {None}) > 1}
    usable = [
        index
        for index, (source, label) in enumerate(labelled)
        if source in told_apart and label is not None
    ]
    most = min(MAX_KNN_PHOTOS, _MAX_KNN_BYTES // (3 * pool.image_size**2))
    indices = random.permutation(np.array(usable, dtype="int64"))[:most]
    chosen = [labelled[index][1] for index in indices]
    numbers = {name: number for number, name in enumerate(sorted(set(chosen)))}
    labels = np.array([numbers[label] for label in chosen], "int64")
    return indices, labels
