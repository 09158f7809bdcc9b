"""Reader of data sets of TensorFlow Datasets."""

import dataclasses
import mmap
import pathlib
import tempfile

from pipelines.cache.cache_folder import cache_folder
from pipelines.images.decoding import encoded_size
from pipelines.photos.box_checks import BadBox, checked_box, usable_object
from pipelines.photos.content import UnreadableImage, file_fingerprint
from pipelines.photos.photo import Object, Photo, Photos, Problem, main_class

KIND = "tfds:NAME"
IS_KEYWORD = True
PREFIX = "tfds:"
FILE_NAME_FEATURES = ("image/filename", "file_name", "filename")
# What data sets call an object that evaluation ignores.
CROWD_FEATURES = ("is_crowd",)
DIFFICULT_FEATURES = ("is_difficult", *CROWD_FEATURES)
TRUNCATED_FEATURES = ("is_truncated",)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class RecordImage:
    """A photo that was copied out of its record.

    Attributes:
        path: Path of the file with the record.
        number: Number of the record in the file, from 0.
        images: Map of the file with the copies.
        start: Place of the encoded photo in `images`, in bytes.
        stop: Its end.
    """

    path: pathlib.Path
    number: int
    images: mmap.mmap
    start: int
    stop: int

    @property
    def path_name(self) -> str:
        return f"{self.path}[{self.number}]"

    def load(self) -> bytes:
        return self.images[self.start : self.stop]

    def fingerprint(self) -> str:
        return f"{file_fingerprint(self.path)} {self.number}"


def recognizes(source):
    """Whether the source is a text that begins with `tfds:`."""
    return isinstance(source, str) and source.startswith(PREFIX)


def splits(source):
    """Names of the splits that the data set is prepared with."""
    return tuple(_prepared_builder(source).info.splits)


def read(source, split=None, progress=None) -> Photos:
    """Reads a data set that TensorFlow Datasets has prepared, or prepares now.

    Records can only be read in their order, photos are wanted in any: the encoded
    photos are copied to a nameless file in the cache folder, which is gone with the
    process. Boxes of `voc` become 0-based: its builder divides VOC's 1-based numbers by
    the size as they are.

    Args:
        source: For instance `"tfds:voc/2007"`. It is looked for in `$TFDS_DATA_DIR`, or
            where TensorFlow Datasets keeps its data sets.
        split: For instance `"train"`, `"train+validation"` or `"train[:10%]"`. Without
            it, `train` is taken if there is one, else all splits.
        progress: Optional callable `(done, total)`.

    Raises:
        ValueError: If TensorFlow Datasets is not installed or cannot get the data set,
            or the data set has no such split, no images, or no readable record.
    """
    builder = _prepared_builder(source)
    image, *labels = _find_features(builder, source)
    split, num_photos = _find_split(builder, split, source)
    problems, records, ends = [], [], [0]
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=cache_folder()) as file:
        for record, data in _read_records(builder, split, image, problems):
            file.write(data)
            ends.append(file.tell())
            try:
                size = encoded_size(data)
            except UnreadableImage as error:
                size = error
            records.append((record, size))
            if progress is not None:
                progress(len(records), num_photos)
        if not records:
            raise ValueError(f"{source} has no readable photo in split {split!r}.")
        file.flush()
        images = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if len(records) < num_photos:
        reason = f"{num_photos - len(records)} photos cannot be read"
        problems.append(Problem(source, reason, "photo missing"))
    photos = []
    for (record, size), start, stop in zip(records, ends[:-1], ends[1:], strict=True):
        file_name, _, number = record["tfds_id"].decode().rpartition("__")
        path = pathlib.Path(builder.data_path, file_name)
        content = RecordImage(path, int(number), images, start, stop)
        photos.append(_read_photo(record, size, content, builder, labels, problems))
    return Photos(photos, source, problems).renamed(source)


def _read_records(builder, split, image, problems):
    """Yields `(record, encoded photo)` in the order of the files."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    features = builder.info.features
    images = [key for key in features if isinstance(features[key], tfds.features.Image)]
    config = tfds.ReadConfig(
        add_tfds_id=True,
        interleave_cycle_length=1,
        try_autocache=False,
        assert_cardinality=False,
    )
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # the ids come from what TensorFlow calls deprecated
    try:
        dataset = builder.as_dataset(
            split=split,
            shuffle_files=False,
            decoders=dict.fromkeys(images, tfds.decode.SkipDecoding()),
            read_config=config,
        )
    finally:
        logger.setLevel(level)
    records = dataset.as_numpy_iterator()
    while True:
        try:
            record = next(records)
        except StopIteration:
            return
        except tf.errors.DataLossError as error:
            # The reader goes on with the next file.
            reason = f"the photos behind a damaged record are left out: {error.message}"
            problems.append(Problem(str(builder.data_path), reason, "record damaged"))
        except tf.errors.OpError as error:
            raise ValueError(f"tfds:{builder.name}: {error.message}") from error
        else:
            encoded = {key: record.pop(key) for key in images}
            yield record, encoded[image]


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
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        advice = "Check the name"
        if lacking := _import_error(error):
            module = (lacking.name or "").partition(".")[0]
            advice = "Install the module that its builder needs"
            advice += f" (pip install {module})" if module else ""
        raise ValueError(
            f"{source} could not be prepared: {reason}. {advice}, or set TFDS_DATA_DIR "
            "to a folder where it is prepared."
        ) from error
    return builder


def _import_error(error):
    """The `ImportError` that an error is or comes from, or None."""
    while error is not None and not isinstance(error, ImportError):
        error = error.__cause__ or error.__context__
    return error


def _find_split(builder, split, source):
    """The split that is read, and the number of its photos."""
    splits = builder.info.splits
    if split is None:
        split = "train" if "train" in splits else "+".join(splits)
    try:
        return split, splits[split].num_examples
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{source} has no split {split!r}. Expected one of: {', '.join(splits)}, "
            "or a part of them such as train[:10%]."
        ) from error


def _find_features(builder, source):
    """Names of the features with photo, label and objects; None where there is none."""
    import tensorflow_datasets as tfds

    features = builder.info.features

    def first_of(feature_type):
        found = (key for key, value in features.items() if type(value) is feature_type)
        return next(found, None)

    image = first_of(tfds.features.Image)
    if image is None:
        raise ValueError(f"{source} has no images; it has {', '.join(features)}.")
    inner = getattr(features["objects"], "feature", ()) if "objects" in features else ()
    has_objects = "bbox" in inner and "label" in inner
    label = first_of(tfds.features.ClassLabel)
    return image, label, "objects" if has_objects else None


def _read_photo(record, size, content, builder, labels, problems):
    place = content.path_name
    image_id = record["tfds_id"].decode()  # where no feature holds a file's name
    for feature in FILE_NAME_FEATURES:
        if record.get(feature):
            file_name = record[feature].decode("utf-8", "replace")
            image_id = pathlib.PurePosixPath(file_name).stem
            break
    if isinstance(size, UnreadableImage):
        # Decoding will meet it again and tell why the photo is left out.
        reason = f"no annotation read: {size}"
        problems.append(Problem(place, reason, "annotation unreadable"))
        return Photo(image_id, builder.name, content, annotated=False)
    label, objects = labels
    items, annotated = (), False
    if objects is not None:
        items = tuple(_read_objects(place, record[objects], builder, size, problems))
        # Where every object was dropped, some are there all the same.
        annotated = bool(items) or not len(record[objects]["label"])
    name = main_class(items)
    if label is not None and record[label] >= 0:  # -1 where there is none
        name = builder.info.features[label].names[record[label]]
    return Photo(image_id, builder.name, content, items, name, *size, annotated)


def _read_objects(place, objects, builder, size, problems):
    names = builder.info.features["objects"].feature["label"].names
    none = [False] * len(objects["label"])
    flags = [
        next((objects[key] for key in keys if key in objects), none)
        for keys in (DIFFICULT_FEATURES, TRUNCATED_FEATURES, CROWD_FEATURES)
    ]
    rows = zip(objects["label"], objects["bbox"].tolist(), *flags, strict=True)
    first_pixel = 1 if builder.name == "voc" else 0
    for number, (label, box_rel_yxyx, *marks) in enumerate(rows):
        box = _object_box, label, box_rel_yxyx, size, first_pixel
        box = usable_object(problems, place, f"object {number}", *box)
        if box is not None:
            yield Object(names[label], box, *map(bool, marks))


def _object_box(label, box_rel_yxyx, size, first_pixel):
    if label < 0:
        raise BadBox("it has no class", "no class")
    width, height = size
    y_min, x_min, y_max, x_max = box_rel_yxyx
    # Rounded, since the data set keeps shares of the size in single precision.
    box = (
        round(x_min * width, 2) - first_pixel,
        round(y_min * height, 2) - first_pixel,
        round(x_max * width, 2),
        round(y_max * height, 2),
    )
    return checked_box(box, width, height)
