"""SavedModels in the C++ loader and a graph Session, as TF Serving runs them."""

import numpy as np
import pytest
import tensorflow as tf

import pipelines
from ssl_voc import serving
from ssl_voc.serving.served_model import ServedModel
from ssl_voc.tasks import TASKS
from tests.serving.artifacts import (
    NAMES,
    SIDE,
    build_small_detector,
    build_small_localizer,
    session_of,
    write,
)
from tests.serving.encoded import encode, exif, picture, unreadable
from tests.tiny import build_localizer


@pytest.fixture(scope="module")
def localizer():
    return build_small_localizer(bounding_box_format="xywh")


@pytest.fixture(scope="module")
def localizer_folder(localizer, tmp_path_factory):
    return write(localizer, tmp_path_factory.mktemp("localizer"))


@pytest.fixture(scope="module")
def ask_localizer(localizer_folder):
    with session_of(localizer_folder) as ask:
        yield ask


@pytest.fixture(scope="module")
def detector():
    return build_small_detector(bounding_box_format="rel_yxyx")


@pytest.fixture(scope="module")
def ask_saved_detector(detector, tmp_path_factory):
    with session_of(write(detector, tmp_path_factory.mktemp("detector"))) as ask:
        yield ask


@pytest.fixture(scope="module")
def ask_detector(detector):
    """The same without a SavedModel, whose writing and loading takes seconds."""
    served = build_served(detector, "detect")
    encoded = tf.TensorSpec((None,), tf.string)
    # Eagerly the pipeline that decodes a photo would be traced for each.
    served.serve_bytes = tf.function(
        served.serve_bytes, input_signature=[encoded], autograph=False
    )

    def ask(inputs, signature="serving_default"):
        if signature == "above_threshold":
            threshold = tf.constant(inputs["threshold"], tf.float32)
            answer = served.serve_above(tf.constant(inputs["image_bytes"]), threshold)
        else:
            answer = served.serve_bytes(tf.constant(inputs))
        return {name: value.numpy() for name, value in answer.items()}

    return ask


def build_served(model, task):
    return ServedModel(
        model,
        TASKS[task].rank,
        NAMES,
        pipelines.letterbox,
        pipelines.boxes_from_letterbox,
        1_000_000,
    )


DETECTORS = [
    "ask_detector",
    pytest.param("ask_saved_detector", marks=pytest.mark.slow),
]


PHOTOS = [
    encode(picture(90, 60)),
    encode(picture(50, 80, seed=1), "PNG"),
    encode(picture(70, 40, seed=2), exif=exif(6)),
]
SIZES = [(60, 90), (80, 50), (70, 40)]  # the last one turned


def squares(side):
    return np.stack(
        [pipelines.letterbox(pipelines.decode(photo), side) for photo in PHOTOS]
    )


def in_photos(boxes, side, sizes=SIZES):
    boxes = np.stack(boxes, axis=-1).astype("float64")
    return pipelines.boxes_from_letterbox(boxes, np.array(sizes), side)


def test_localizer_answers_what_the_model_predicts(localizer, ask_localizer):
    answer = ask_localizer(PHOTOS)
    expected = localizer.predict(squares(SIDE), verbose=0)
    np.testing.assert_array_equal(answer["image_size"], SIZES)
    x, y, width, height = np.moveaxis(expected["boxes"], -1, 0)
    corners = in_photos([x, y, x + width, y + height], SIDE)
    np.testing.assert_allclose(answer["boxes"], corners, atol=1e-3)
    assert np.ptp(answer["boxes"], axis=0).max() > 1
    order = np.argsort(-expected["scores"], axis=1)
    np.testing.assert_array_equal(answer["classes"], order)
    scores = np.take_along_axis(expected["scores"], order, axis=1)
    np.testing.assert_allclose(answer["scores"], scores, atol=1e-5)
    names = np.array(NAMES)[order].astype("S")
    np.testing.assert_array_equal(answer["class_names"].astype("S"), names)
    np.testing.assert_array_equal(answer["num_detections"], 1)
    assert [*answer["errors"]] == [b""] * 3


@pytest.mark.parametrize("ask", DETECTORS)
def test_detector_answers_what_the_model_predicts(ask, detector, request):
    answer = request.getfixturevalue(ask)(PHOTOS)
    expected = detector.predict(squares(64), verbose=0)
    y1, x1, y2, x2 = np.moveaxis(64 * expected["boxes"], -1, 0)
    corners = in_photos([x1, y1, x2, y2], 64)
    exists = expected["classes"] >= 0
    assert exists.any()
    corners = np.where(exists[..., None], corners, -1)
    np.testing.assert_allclose(answer["boxes"], corners, atol=1e-3)
    np.testing.assert_array_equal(answer["classes"], expected["classes"])
    np.testing.assert_allclose(answer["scores"], expected["confidence"], atol=1e-5)
    np.testing.assert_array_equal(answer["num_detections"], exists.sum(axis=1))
    names = np.array(["", *NAMES])[expected["classes"] + 1].astype("S")
    np.testing.assert_array_equal(answer["class_names"].astype("S"), names)


@pytest.mark.parametrize("ask", ["ask_localizer", *DETECTORS])
def test_a_request_may_name_the_lowest_score_of_each_photo(ask, request):
    ask = request.getfixturevalue(ask)
    photos = [*PHOTOS, b"no photo"]
    whole = ask(photos)
    scores = whole["scores"]
    # The second best is kept, everything, nothing; and a photo that is none.
    threshold = [scores[0, 1], 0.0, 1.1, 0.5]
    answer = ask({"image_bytes": photos, "threshold": threshold}, "above_threshold")
    kept = (scores >= np.array(threshold, "float32")[:, None]) & (scores >= 0)
    assert kept.sum(axis=1).tolist()[0] == 2 and kept[1].any() and not kept[2:].any()
    is_box = kept[:, : whole["boxes"].shape[1]]
    for name, padding, mask in (
        ("boxes", -1.0, is_box[..., None]),
        ("scores", -1.0, kept),
        ("classes", -1, kept),
        ("class_names", b"", kept),
    ):
        expected = np.where(mask, whole[name], padding)
        np.testing.assert_array_equal(answer[name], expected)
    np.testing.assert_array_equal(answer["num_detections"], is_box.sum(axis=1))
    assert answer["errors"][3] and (answer["image_size"] == whole["image_size"]).all()


@pytest.mark.parametrize("number", [0, 1, 2, 4])
def test_a_threshold_is_asked_for_each_photo(ask_localizer, number):
    inputs = {"image_bytes": PHOTOS, "threshold": [0.5] * number}
    with pytest.raises(tf.errors.InvalidArgumentError, match="threshold for each"):
        ask_localizer(inputs, "above_threshold")


def test_boxes_are_clipped_to_photos_of_any_aspect_ratio(localizer):
    random = np.random.default_rng(0)
    sizes = np.concatenate([random.integers(1, 4000, (12, 2)), [[1, 9000], [9000, 1]]])
    images = random.integers(0, 256, (len(sizes), SIDE, SIDE, 3), "uint8")
    served = ServedModel(
        localizer, lambda found: found, NAMES, None, pipelines.boxes_from_letterbox, 0
    )
    answer = served.serve_squares(images, tf.constant(sizes, "int32"))
    predicted = localizer.predict(images, verbose=0)["boxes"]
    x, y, width, height = np.moveaxis(predicted, -1, 0)
    expected = in_photos([x, y, x + width, y + height], SIDE, sizes)
    np.testing.assert_allclose(answer["boxes"], expected, rtol=1e-4, atol=0.05)
    assert (expected[..., 2:] == sizes[:, None, ::-1]).any()


@pytest.mark.parametrize("ask", ["ask_localizer", *DETECTORS])
def test_bad_photos_do_not_hurt_their_neighbours(ask, request):
    ask = request.getfixturevalue(ask)
    good = ask(PHOTOS)
    bad = [data for files in unreadable().values() for data in files]
    batch, is_good = [], []
    for number, data in enumerate(bad):
        batch += [data, PHOTOS[number % 3]]
        is_good += [-1, number % 3]
    answer, is_good = ask(batch), np.array(is_good)
    for name, values in answer.items():
        found, expected = values[is_good >= 0], good[name][is_good[is_good >= 0]]
        if values.dtype.kind == "f":
            np.testing.assert_allclose(found, expected, atol=1e-4)
        else:
            np.testing.assert_array_equal(found, expected)
    failed = {name: values[is_good < 0] for name, values in answer.items()}
    assert all(failed["errors"])
    assert not failed["num_detections"].any() and not failed["image_size"].any()
    for name in ("boxes", "scores", "classes"):
        assert (failed[name] == -1).all()
    assert set(failed["class_names"].flat) == {b""}


def test_pixels_are_answered_as_their_encoded_photo(ask_localizer):
    photo = PHOTOS[0]
    answer = ask_localizer([pipelines.decode(photo)] * 2, "pixels")
    for name, values in ask_localizer([photo] * 2).items():
        np.testing.assert_array_equal(answer[name], values)


def test_embedding_is_the_pooled_output_of_the_backbone(localizer, ask_localizer):
    answer = ask_localizer([*PHOTOS, b"text"], "features")
    features = localizer.backbone(squares(SIDE)).numpy()
    np.testing.assert_allclose(
        answer["embedding"][:3], features.mean(axis=(1, 2)), atol=1e-4
    )
    assert not answer["embedding"][3].any() and answer["errors"][3]


def test_a_request_without_photos_has_an_answer_without_rows(ask_localizer):
    answer = ask_localizer(np.array([], object))
    assert answer["boxes"].shape == (0, 1, 4) and answer["errors"].shape == (0,)
    answer = ask_localizer(np.array([], object), "features")
    assert answer["embedding"].shape == (0, 8)


def test_weights_are_saved_once_and_all_operations_counted(localizer, localizer_folder):
    saved = tf.train.list_variables(str(localizer_folder / "variables/variables"))
    counts = [np.prod(shape, dtype=int) for name, shape in saved if "VARIABLE" in name]
    assert sum(counts) == localizer.count_params()
    operations = serving.operations_of(localizer_folder)
    # One of each signature that decodes, in its functions.
    assert operations["DecodeJpeg"] == 3
    assert operations["Conv2D"] > 3


def serve_pixels_alone(served):
    """One signature of the four: to trace and to save the others takes seconds."""
    pixels = tf.TensorSpec((None, None, None, 3), tf.uint8, name="pixels")
    function = tf.function(served.serve_pixels, autograph=False, jit_compile=False)
    return {"pixels": function.get_concrete_function(pixels)}


def test_operations_of_python_and_other_class_names_are_refused(
    localizer, tmp_path, monkeypatch
):
    monkeypatch.setattr(ServedModel, "signatures", serve_pixels_alone)

    def letterbox(pixels, size):
        moved = tf.numpy_function(lambda p: p, [pixels], tf.uint8)
        return pipelines.letterbox(tf.ensure_shape(moved, (None, None, 3)), size)

    with pytest.raises(ValueError, match="call Python.*PyFunc"):
        write(localizer, tmp_path, letterbox=letterbox)
    with pytest.raises(ValueError, match="scores 3 classes. Received: 2"):
        write(localizer, tmp_path, class_names=("cat", "dog"))


def serve(model, task):
    """Outputs for the first photo without a SavedModel, as NumPy arrays."""
    outputs = build_served(model, task).serve_bytes(tf.constant(PHOTOS[:1]))
    return {name: value.numpy() for name, value in outputs.items()}


def test_padding_of_a_detector_is_minus_one_without_a_name():
    answer = serve(build_small_detector(score_threshold=0.9999), "detect")
    assert answer["num_detections"] == [0] and [*answer["errors"]] == [b""]
    for name in ("boxes", "scores", "classes"):
        assert (answer[name] == -1).all()
    assert set(answer["class_names"].flat) == {b""}


def test_equal_scores_keep_the_order_of_the_classes():
    model = build_localizer()
    for weight in model.head.weights:
        weight.assign(np.zeros(weight.shape))
    assert serve(model, "localize")["classes"].tolist() == [[0, 1, 2]]
