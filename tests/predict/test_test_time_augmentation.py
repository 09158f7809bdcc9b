"""Answers to several views of a photo, fused, whatever the model."""

import types

import numpy as np
import pytest

from pipelines.images.resizing import Letterboxing
from ssl_voc.predict.finished_model import boxes_in_photos
from ssl_voc.predict.test_time_augmentation import AugmentedPredictor
from ssl_voc.tasks import TASKS
from tests import tiny

SIZES = np.array([(60, 80), (100, 50), (64, 64)])


def squares_of(views, seed=0):
    random = np.random.default_rng(seed)
    photos = [random.integers(0, 256, (*size, 3), "uint8") for size in SIZES]
    resizings = map(Letterboxing, views.image_sizes)
    return [np.stack([*map(resizing.resize, photos)]) for resizing in resizings]


class Fixed:
    """A model that answers what it is told, by the size and direction it is shown."""

    bounding_box_format = "xyxy"
    jit_compile, run_eagerly = False, True

    def __init__(self, answers, side):
        self.answers, self.side = answers, side

    def predict_on_batch(self, images):
        return self.answers[self.side].pop(0)

    def at_image_size(self, side):
        return Fixed(self.answers, side)


def localized(box, scores):
    return {"boxes": np.array([[box]], "float32"), "scores": np.array([scores])}


def test_a_localizer_is_the_mean_of_views_that_agree_in_pixels_of_the_photo():
    # The photo of 80 x 40 is 64 x 32 in the first square, 32 x 16 in the second.
    answers = {
        32: [localized((4, 2, 12, 8), (0.6, 0.4)), localized((16, 2, 28, 8), (0, 1))],
        64: [localized((8, 4, 24, 16), (0.2, 0.8)), localized((40, 4, 56, 16), (0, 1))],
    }
    views = AugmentedPredictor(Fixed(answers, 64), TASKS["localize"], 64)
    assert views.image_sizes == (64, 32)
    squares = [np.zeros((1, side, side, 3), "uint8") for side in views.image_sizes]
    found = views.predict(squares, np.array([(40, 80)]))
    # Mirrored: 32 - 28 = 4 to 32 - 16 = 16 px, 64 - 56 = 8 to 24; then by 2.5 and 1.25.
    boxes = [(10, 5, 30, 20), (10, 5, 40, 20), (10, 5, 30, 20), (10, 5, 30, 20)]
    np.testing.assert_allclose(found["boxes"][0, 0], np.mean(boxes, axis=0))
    np.testing.assert_allclose(found["scores"], [[0.2, 0.8]])
    assert found["classes"].tolist() == [[1]]
    assert found["confidence"].tolist() == [[pytest.approx(0.8)]]


@pytest.mark.parametrize("mirrors", [True, False])
def test_a_localizer_whose_views_disagree_answers_what_most_of_them_find(mirrors):
    near, far, wider = (8, 4, 24, 16), (40, 4, 56, 16), (40, 4, 58, 16)
    answers = {
        # Mirrored it is near, too, hence far; then far again, and, mirrored, wider.
        64: [localized(near, (1, 0)), localized(near, (1, 0))],
        32: [localized((20, 2, 28, 8), (1, 0)), localized((3, 2, 12, 8), (1, 0))],
    }
    views = AugmentedPredictor(Fixed(answers, 64), TASKS["localize"], 64, mirrors)
    squares = [np.zeros((1, side, side, 3), "uint8") for side in views.image_sizes]
    found = views.predict(squares, np.array([(64, 64)]))["boxes"][0, 0]
    # Of two that disagree, the view of the model's own size.
    expected = np.mean([far, far, wider], axis=0) if mirrors else near
    np.testing.assert_allclose(found, expected)


def test_a_detector_that_finds_the_same_in_all_views_answers_it_once():
    def detected(*rows):
        rows = [*rows, ((-1.0,) * 4, -1.0, -1)]
        boxes, scores, classes = (np.array([part]) for part in zip(*rows, strict=True))
        return {"boxes": boxes, "confidence": scores, "classes": classes}

    once = ((0.0, 0.0, 10.0, 10.0), 0.4, 0)
    answers = {
        32: [
            detected(((4.0, 2.0, 12.0, 8.0), 0.9, 1), once),
            detected(((20.0, 2.0, 28.0, 8.0), 0.7, 1)),
        ],
        64: [detected(((8.0, 4.0, 24.0, 16.0), 0.8, 1))]
        + [detected(((40.0, 4.0, 56.0, 16.0), 0.6, 1))],
    }
    for side in answers:  # of one width, as a model pads them
        for answer in answers[side]:
            for name, values in answer.items():
                missing = 3 - values.shape[1]
                pads = [(0, 0), (0, missing)] + [(0, 0)] * (values.ndim - 2)
                answer[name] = np.pad(values, pads, constant_values=-1)
    views = AugmentedPredictor(Fixed(answers, 64), TASKS["detect"], 64)
    squares = [np.zeros((1, side, side, 3), "uint8") for side in views.image_sizes]
    found = views.predict(squares, np.array([(40, 80)]))
    assert found["classes"].tolist() == [[1, 0, -1]]
    assert found["num_detections"].tolist() == [2]
    np.testing.assert_allclose(found["confidence"], [[0.75, 0.1, -1.0]])
    np.testing.assert_allclose(
        found["boxes"][0, :2], [(10, 5, 30, 20), (0, 0, 25, 25)], atol=1e-6
    )


@pytest.mark.parametrize(
    "task", ["localize", pytest.param("detect", marks=pytest.mark.slow)]
)
def test_views_of_a_model_are_its_answers_to_each_asked_apart(task):
    if task == "localize":
        model = tiny.build_localizer(lambda: tiny.build_plain_backbone(64))
    else:
        model = tiny.with_usual_weights(tiny.build_detector())
    side = model.image_shape[0]
    views = AugmentedPredictor(model, TASKS[task], side)
    squares = squares_of(views)
    found = views.predict(squares, SIZES)
    answers = []
    models = [model, *map(model.at_image_size, views.image_sizes[1:])]
    for images, asked in zip(squares, models, strict=True):
        asked.run_eagerly = True  # quick for a few predictions
        for turned in (False, True):
            answer = asked.predict(images[:, :, ::-1] if turned else images, verbose=0)
            boxes = answer["boxes"].copy()
            if turned:
                boxes[..., [0, 2]] = images.shape[1] - boxes[..., [2, 0]]
            boxes = boxes_in_photos(asked, boxes, SIZES, images.shape[1])
            answers.append({**answer, "boxes": boxes})
    expected = TASKS[task].fuse(answers)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-3)
    assert np.ptp([answer["boxes"] for answer in answers], axis=0).max() > 0.01
    # A batch that ends the photos is smaller.
    last = views.predict([images[2:] for images in squares], SIZES[2:])
    for name, values in last.items():
        np.testing.assert_allclose(values, found[name][2:], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("side", "sides"),
    [
        (160, (160, 128)),
        (128, (128, 96)),
        (64, (64, 32)),
        (100, (100, 64)),
        (32, (32,)),
    ],
)
def test_the_second_size_is_about_a_fifth_smaller_and_divides_by_32(side, sides):
    model = types.SimpleNamespace(at_image_size=lambda side: None)
    views = AugmentedPredictor(model, TASKS["detect"], side)
    assert views.image_sizes == sides
    assert f"{2 * len(sides)} views" in views.protocol
    upright = AugmentedPredictor(model, TASKS["detect"], side, mirrors=False)
    assert upright.image_sizes == sides
    told = "1 view of" if len(sides) == 1 else "2 views of"
    assert upright.protocol.startswith(told) and "mirrored" not in upright.protocol
