"""Labelled photos of a supervised pretraining: training and held-out set."""

import dataclasses

import numpy as np

import pipelines
from pipelines.images.near_duplicates import rows_without_near_duplicates
from ssl_voc.pretrain.data import prepare_photos
from ssl_voc.runs.progress_bar import progress_bar

# So many give a share to within two points, and fit into memory.
MAX_HELD_OUT = 4000


@dataclasses.dataclass(frozen=True)
class SupervisedPhotos:
    """Prepared photos with labels.

    Attributes:
        training: `pipelines.Pool` that is learned from; every photo has a label.
        class_names: Tuple of the names of the training photos' labels, sorted.
        held_out: `HeldOut`, empty where no photo was held out.
        skipped: List of `pipelines.Problem`, the unreadable photos.
        num_unlabelled: Number of photos that were left out without a label.
    """

    training: pipelines.Pool
    class_names: tuple[str, ...]
    held_out: "HeldOut"
    skipped: list
    num_unlabelled: int

    def shares(self):
        """Share of each class in the training photos, float array."""
        counts = np.bincount(self.training.label_numbers(self.class_names))
        return counts / counts.sum()


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """Photos that are not learned from, nor any near-duplicate of them.

    Attributes:
        photos: List of `pipelines.Photo`.
        hashes: uint64 array `(num_photos,)` of perceptual hashes.
        images: uint8 array `(num_photos, resize_size, resize_size, 3)`.
        labels: int32 array `(num_photos,)`, indices into the class names.
    """

    photos: list
    hashes: np.ndarray
    images: np.ndarray
    labels: np.ndarray

    def __len__(self):
        return len(self.photos)


def prepare_supervised_photos(config):
    """Reads the photos that have a label, holds a share of them out and prepares both.

    The label is that of `pipelines.Photo`: the class of the main object, or the folder.

    Args:
        config: A `PretrainConfig`.

    Returns:
        `SupervisedPhotos`.

    Raises:
        ValueError, OSError: when the photos cannot be used, or have fewer than two
            classes.
    """
    photos = pipelines.read_labeled(
        [*config.data], config.train_split, progress_bar("reading photos")
    )
    labelled = photos.take(
        index for index, photo in enumerate(photos) if photo.label is not None
    )
    num_unlabelled = len(photos) - len(labelled)
    if not labelled:
        raise ValueError(
            f"--objective supervised: none of the {len(photos)} photos of "
            f"{photos.name} has a label. Expected labels in VOC's, COCO's or YOLO's "
            "form, a folder with one subfolder for each class, or an .npz with "
            "labels. Without labels: --objective simclr."
        )
    _class_names(labelled)  # before an hour of decoding
    if num_unlabelled:
        print(f"left {num_unlabelled} photos without a label out", flush=True)
    apart = None
    share = min(config.val_share, MAX_HELD_OUT / len(labelled))
    if share:
        labelled, apart = pipelines.split_validation(labelled, share, config.seed)
    training = prepare_photos(labelled, config)
    class_names = _class_names(training.photos)
    skipped = training.skipped
    held_out = HeldOut([], np.zeros(0, "uint64"), np.zeros(0), np.zeros(0, "int32"))
    if apart is not None:
        pool = prepare_photos(apart, config, "held-out photos")
        skipped = skipped + pool.skipped
        held_out = _hold_out(pool, training, class_names)
    return SupervisedPhotos(training, class_names, held_out, skipped, num_unlabelled)


def _class_names(photos):
    names = sorted({photo.label for photo in photos})
    if len(names) < 2:
        raise ValueError(
            f"--objective supervised: all {len(photos)} labelled photos of "
            f"{photos.name} are of one class, {names[0]!r}. Expected at least two."
        )
    return tuple(names)


def _hold_out(pool, training, class_names):
    unseen = rows_without_near_duplicates(pool.hashes, training.hashes)
    left_out = len(pool) - len(unseen)
    if left_out:
        print(
            f"left {left_out} held-out photos out: near-duplicates of training photos"
        )
    number_of = {name: number for number, name in enumerate(class_names)}
    labels = pool.labels
    # A class may have lost its training photos to damaged files.
    known = [index for index in unseen if labels[index] in number_of]
    indices = np.array(known, "int64")
    return HeldOut(
        [pool.photos[index] for index in indices],
        pool.hashes[indices],
        pool.gather(indices),
        np.array([number_of[labels[index]] for index in known], "int32"),
    )
