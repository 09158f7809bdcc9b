"""Reader of NumPy arrays of pixels, in memory or in an .npz file."""

import pathlib
from tokenize import TokenError

import numpy as np

from pipelines.photos.content import ZIP_ERRORS, ArrayItem
from pipelines.photos.photo import Photo, Photos

KIND = "an .npz file"


def recognizes(source):
    """Whether the source is an array, a dict of arrays, or the path of an `.npz`."""
    if isinstance(source, np.ndarray | dict):
        return True
    path = pathlib.Path(source)
    return path.suffix.lower() == ".npz" and path.is_file()


def splits(source):
    """None: arrays are one split."""
    return ()


def read(source, split=None, progress=None) -> Photos:
    """Reads photos from an array, a dict of arrays, or an `.npz` file of these.

    Args:
        source: uint8 array `(num_photos, height, width, 3)` of RGB pixels; or a dict
            that has it as `images` or as its only 4-d array, and may have `labels`:
            `(num_photos,)` class names or integers; or the path of such an `.npz`.
        split: None or `all`.
        progress: Not called.

    Raises:
        ValueError: If the file is damaged, shape, type or number of the arrays does
            not fit, or a split is named.
    """
    if split not in (None, "all"):
        raise ValueError(
            f"Arrays have no splits, so {split!r} cannot be chosen. Leave the split "
            "out."
        )
    name = array_name = "arrays"
    if not isinstance(source, np.ndarray | dict):
        path = pathlib.Path(source)
        name, array_name, source = path.stem, str(path), _load_npz(path)
    images, labels = _split_dict(source, array_name)
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise ValueError(
            f"{array_name}: images must be a uint8 array (num_photos, height, width, "
            "3) with RGB in [0, 255]. Scale floats, repeat gray three times. Received: "
            f"{images.dtype} of shape {images.shape}"
        )
    if not images.size:
        raise ValueError(f"{array_name}: has no photos: its shape is {images.shape}")
    names = _label_names(labels, len(images), array_name)
    width = len(str(len(images) - 1))
    photos = []
    for index in range(len(images)):
        content = ArrayItem(images, index, array_name)
        image_id, size = f"{index:0{width}d}", (images.shape[2], images.shape[1])
        photo = Photo(image_id, name, content, (), names[index], *size, annotated=False)
        photos.append(photo)
    return Photos(photos, name)


def _label_names(labels, num_photos, array_name):
    if labels is None:
        return [None] * num_photos
    if labels.shape != (num_photos,) or labels.dtype.kind not in "iuUSO":
        raise ValueError(
            f"{array_name}: labels must be class names or integers of shape "
            f"({num_photos},), one per photo. Received: {labels.dtype} of shape "
            f"{labels.shape}"
        )
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8")
    return [str(label) for label in labels]


def _split_dict(arrays, array_name):
    if isinstance(arrays, np.ndarray):
        return arrays, None
    arrays = {key: np.asarray(value) for key, value in arrays.items()}
    labels = arrays.get("labels")
    if "images" in arrays:
        return arrays["images"], labels
    candidates = [value for value in arrays.values() if value.ndim == 4]
    if len(candidates) != 1:
        shapes = {key: value.shape for key, value in arrays.items()}
        raise ValueError(
            f"{array_name}: expected an array named images, or exactly one array of 4 "
            f"dimensions. Received: {shapes}"
        )
    return candidates[0], labels


def _load_npz(path):
    try:
        with path.open("rb") as file:
            arrays = np.load(file, allow_pickle=False)
            if not isinstance(arrays, np.ndarray):
                return dict(arrays)
    # A damaged header is Python that NumPy parses, or announces terabytes.
    except (ValueError, TokenError, MemoryError, *ZIP_ERRORS) as error:
        raise ValueError(f"{path} is not a readable .npz file: {error}") from error
    raise ValueError(
        f"{path} is an .npy file by another name. Write it by np.savez(PATH, "
        "images=images)."
    )
