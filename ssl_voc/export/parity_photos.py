"""Photos of the parity check, and the model's predictions for them."""

import dataclasses

import numpy as np
import tensorflow as tf

import pipelines
from pipelines.images.resizing import Letterboxing
from pipelines.pools.preparation import prepare_images
from ssl_voc.evaluate.splits_of_run import read_photos
from ssl_voc.predict.finished_model import boxes_in_photos
from ssl_voc.predict.photos import encode_png, model_bytes
from ssl_voc.runs.finished_run import HELD_OUT_LIST, VALIDATION_LIST
from ssl_voc.runs.progress_bar import progress_bar
from ssl_voc.tasks import task_of


@dataclasses.dataclass(frozen=True)
class ParityPhotos:
    """Photos prepared as `evaluate` does, and their bytes.

    Attributes:
        source: Where they come from, in words.
        photos: `pipelines.Photos` of true sizes; with usable objects where labelled.
        labelled: Whether figures can be computed.
        images: uint8 `(num_photos, size, size, 3)`, letterboxed.
        sizes: int32 `(num_photos, 2)`, height and width of the upright photos.
        encoded: List of bytes, the files; PNG files of the pixels where decoders differ
            or know no such format, as `predict` sends them.
        reencoded: bool `(num_photos,)`, which of them are such PNG files.
    """

    source: str
    photos: pipelines.Photos
    labelled: bool
    images: np.ndarray
    sizes: np.ndarray
    encoded: list[bytes]
    reencoded: np.ndarray

    def select(self, mask):
        """Those photos where a bool array `(num_photos,)` is true."""
        rows = np.flatnonzero(mask)
        photos = pipelines.Photos([self.photos[row] for row in rows], self.photos.name)
        return dataclasses.replace(
            self,
            photos=photos,
            images=self.images[rows],
            sizes=self.sizes[rows],
            encoded=[self.encoded[row] for row in rows],
            reencoded=self.reencoded[rows],
        )


def load_parity_photos(config, finished):
    """Chooses and prepares photos: named, held out by the run, or drawn.

    Args:
        config: An `ExportConfig`.
        finished: The `FinishedRun` to export.

    Returns:
        `ParityPhotos`, at most `config.num_photos`, spread over their list.

    Raises:
        OSError, ValueError: when the photos cannot be read.
    """
    photos, source = _choose(config, finished)
    number = min(config.num_photos, len(photos))
    photos = photos.take(np.arange(number) * len(photos) // number)
    names, size = finished.class_names, finished.manifest["image_size"]
    progress = progress_bar("preparing photos")
    # Difficult ones, such as crowds, are no objects to find.
    labelled = any(
        item.name in names and not item.difficult
        for photo in photos
        for item in photo.objects
    )
    if labelled:
        pool = pipelines.prepare_labeled(
            photos,
            size,
            class_names=names,
            main_object_only=task_of(finished).main_object_only,
            cache="none",
            progress=progress,
        )
        photos, sizes = pool.photos, pool.original_sizes
        images = pool.gather(np.arange(len(pool)))["images"]
    else:
        photos, facts, images, _ = prepare_images(
            photos, Letterboxing(size), "memory", progress=progress
        )
        sizes = np.stack([facts["height"], facts["width"]], axis=-1)
    contents = [photo.load() for photo in photos]
    encoded = [
        model_bytes(c) if isinstance(c, bytes) else encode_png(c) for c in contents
    ]
    pairs = zip(contents, encoded, strict=True)
    reencoded = np.array([isinstance(c, bytes) and c != data for c, data in pairs])
    return ParityPhotos(source, photos, labelled, images, sizes, encoded, reencoded)


def answers_of_model(model, held):
    """What the evaluator's pipeline and model say of photos, on the CPU.

    Args:
        model: The loaded model of a run.
        held: `ParityPhotos`.

    Returns:
        Dictionary of what `model.predict` gives, `"boxes"` `(num_photos, d, 4)` being
        float64 xyxy in pixels of the photos, clipped to them.
    """
    side = held.images.shape[1]
    with tf.device("CPU:0"):
        found = model.predict(held.images, batch_size=64, verbose=0)
        corners = boxes_in_photos(model, found["boxes"], held.sizes, side)
    return {**found, "boxes": corners}


def _choose(config, finished):
    """`Photos` and where they come from."""
    progress = progress_bar("reading photos")
    if config.data:
        photos = read_photos(config.data, config.split, finished, progress)
        return photos, " ".join(config.data) + f" ({config.split})" * bool(config.split)
    settings = finished.settings
    splits = (None, settings.get("train_split"), settings.get("val_split"), "all")
    for name in (HELD_OUT_LIST, VALIDATION_LIST):
        path = finished.path / name
        for split in dict.fromkeys(splits) if path.is_file() else ():
            try:
                table = pipelines.read_photo_table(path)
                photos = pipelines.read([*finished.data], split)
                return pipelines.select_photos(photos, table), name
            except (OSError, ValueError):
                continue  # the photos are of another split, or have moved
    return pipelines.read("scenes", "val", progress), "drawn scenes"
