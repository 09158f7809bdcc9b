"""Reader of data sets of TensorFlow Datasets."""

import dataclasses
import pathlib

from pipelines.images.decoding import encoded_size
from pipelines.photos.box_checks import BOX_CLIPPED, BadBox, checked_box
from pipelines.photos.content import UnreadableImage
from pipelines.photos.photo import Object, Photo, Photos, Problem, main_class
from pipelines.readers.tfrecord import list_records

KIND = "tfds:NAME"
PREFIX = "tfds:"
FILE_NAME_FEATURES = ("image/filename", "file_name", "filename")
# What data sets call an object that evaluation ignores.
DIFFICULT_FEATURES = ("objects/is_difficult", "objects/is_crowd")


@dataclasses.dataclass(frozen=True, slots=True)
class TFDSLayout:
    """What the features of a data set are called; None where it lacks one.

    Attributes:
        image: Feature that holds the encoded image.
        label: Feature that holds the class of the whole photo.
        label_names: Class names of `label`.
        object_names: Class names of the annotated objects, or None without objects.
        first_pixel: Number that the boxes give to the first pixel.
    """

    image: str
    label: str | None
    label_names: tuple[str, ...]
    object_names: tuple[str, ...] | None
    first_pixel: int


def recognizes(source):
    """Whether the source is a text that begins with `tfds:`."""
    return isinstance(source, str) and source.startswith(PREFIX)


def splits(source):
    """Names of the splits that the data set is prepared with."""
    return tuple(_prepared_builder(source).info.splits)


def read(source, split=None, progress=None) -> Photos:
    """Reads a data set that TensorFlow Datasets has prepared, or prepares now.

    Photos stay in the TFRecord files until they are decoded. Boxes of `voc` become
    0-based: its builder divides VOC's 1-based numbers by the size as they are.

    Args:
        source: For instance `"tfds:voc/2007"`. It is looked for in `$TFDS_DATA_DIR`, or
            where TensorFlow Datasets keeps its data sets.
        split: For instance `"train"`, `"train+validation"` or `"train[:10%]"`. Without
            it, `train` is taken if there is one, else all splits.
        progress: Not called.

    Raises:
        ValueError: If TensorFlow Datasets is not installed or cannot get the data set,
            or the data set has no such split or no images.
    """
    name = source
    builder = _prepared_builder(name)
    layout = _find_layout(builder, name)
    photos, problems = [], []
    instructions = _file_instructions(builder, split, name)
    for instruction in instructions:
        take = instruction.take if instruction.take >= 0 else None
        for record in list_records(
            instruction.filename, layout.image, instruction.skip, take
        ):
            photos.append(_read_photo(record, layout, name, problems))
    if not photos:
        raise ValueError(f"{name} has no photos in split {split!r}.")
    num_missing = sum(item.take for item in instructions) - len(photos)
    if num_missing > 0:
        reason = f"{num_missing} records cannot be found behind a damaged one"
        problems.append(Problem(name, reason, "photo missing"))
    return Photos(photos, name, problems)


def _prepared_builder(source):
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ValueError(
            f"{source} needs tensorflow and tensorflow-datasets ({error}). Install "
            "them: pip install tensorflow tensorflow-datasets"
        ) from error
    try:
        builder = tfds.builder(source.removeprefix(PREFIX))
        builder.download_and_prepare()  # returns at once where that is done
    except Exception as error:
        # Builders raise network, parser, checksum and assertion errors alike; the
        # first line says it, the others list every data set there is.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{source} could not be prepared: {reason}. Check the name, or "
            "set TFDS_DATA_DIR to a folder where it is prepared."
        ) from error
    return builder


def _file_instructions(builder, split, name):
    splits = builder.info.splits
    if split is None:
        split = "train" if "train" in splits else "+".join(splits)
    try:
        return splits[split].file_instructions
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{name} has no split {split!r}. Expected one of: {', '.join(splits)}, or "
            "a part of them such as train[:10%]."
        ) from error


def _find_layout(builder, name):
    import tensorflow_datasets as tfds

    if builder.info.file_format != tfds.core.FileFormat.TFRECORD:
        raise ValueError(
            f"{name} is prepared as {builder.info.file_format.value}; only tfrecord "
            "can be read. Prepare it again without a file format."
        )
    features = builder.info.features

    def first_of(feature_type):
        found = (key for key, value in features.items() if type(value) is feature_type)
        return next(found, None)

    image = first_of(tfds.features.Image)
    if image is None:
        raise ValueError(f"{name} has no images; it has {', '.join(features)}.")
    label = first_of(tfds.features.ClassLabel)
    objects = features["objects"] if "objects" in features else None
    object_features = getattr(objects, "feature", {})
    has_objects = "bbox" in object_features and "label" in object_features
    return TFDSLayout(
        image=image,
        label=label,
        label_names=tuple(features[label].names) if label else (),
        object_names=tuple(object_features["label"].names) if has_objects else None,
        first_pixel=1 if builder.name == "voc" else 0,
    )


def _read_photo(record, layout, source, problems):
    try:
        values = record.read_features()
        width, height = encoded_size(values[layout.image][0])
    except (UnreadableImage, KeyError, IndexError) as error:
        # Decoding will meet it again and tell why the photo is left out.
        problems.append(
            Problem(
                record.path_name,
                f"no annotation read: {error}",
                "annotation unreadable",
            )
        )
        return Photo(f"{record.path.name}-{record.number}", source, record)
    file_name = f"{record.path.name}-{record.number}"
    for feature in FILE_NAME_FEATURES:
        if values.get(feature):
            file_name = values[feature][0].decode("utf-8", "replace")
            break
    objects = ()
    if layout.object_names is not None:
        objects = tuple(
            _read_objects(record.path_name, values, layout, width, height, problems)
        )
    label = main_class(objects)
    if layout.label is not None and values.get(layout.label):
        number = values[layout.label][0]
        if number >= 0:  # splits without labels have -1
            label = layout.label_names[number]
    stem = pathlib.PurePosixPath(file_name).stem
    return Photo(stem, source, record, objects, label, width, height)


def _read_objects(path_name, values, layout, width, height, problems):
    labels = values.get("objects/label", [])
    boxes_rel_yxyx = values.get("objects/bbox", [])
    difficult = next((values[key] for key in DIFFICULT_FEATURES if key in values), [])
    truncated = values.get("objects/is_truncated", [])
    for number, label in enumerate(labels):
        if label < 0:
            reason = f"object {number} left out: it has no class"
            problems.append(Problem(path_name, reason, "box dropped: no class"))
            continue
        y_min, x_min, y_max, x_max = boxes_rel_yxyx[4 * number : 4 * number + 4]
        # Rounded, since the data set keeps shares of the size in single precision.
        box = (
            round(x_min * width, 2) - layout.first_pixel,
            round(y_min * height, 2) - layout.first_pixel,
            round(x_max * width, 2),
            round(y_max * height, 2),
        )
        try:
            box, remark = checked_box(box, width, height)
        except BadBox as error:
            problems.append(
                Problem(path_name, f"object {number} left out: {error}", error.kind)
            )
            continue
        if remark:
            problems.append(
                Problem(path_name, f"object {number}: {remark}", BOX_CLIPPED)
            )
        yield Object(
            layout.object_names[label],
            box,
            difficult=bool(number < len(difficult) and difficult[number]),
            truncated=bool(number < len(truncated) and truncated[number]),
        )
