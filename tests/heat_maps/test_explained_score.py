"""What a heat map can explain: classes, sides of a box, one detection of many."""

import keras
import numpy as np
import pytest

import ssl_voc
from ssl_voc.heat_maps.explained_score import resolve_target
from tests import tiny

SIDE = 32


@pytest.fixture(scope="module")
def localizer():
    return tiny.build_localizer(bounding_box_format="xywh")


@pytest.fixture(scope="module")
def photos():
    return tiny.draw_photos(3, size=SIDE)


def scores_of(model, photos, target):
    score, arrays = resolve_target(model, target, len(photos))
    outputs = model(photos.astype("float32"))
    arrays = map(keras.ops.convert_to_tensor, arrays)
    return keras.ops.convert_to_numpy(score(outputs, *arrays)), outputs


def test_a_class_is_explained_by_its_logit(localizer, photos):
    found, outputs = scores_of(localizer, photos, np.array([2, 0, 1]))
    logits = keras.ops.convert_to_numpy(outputs["classes"])
    np.testing.assert_array_equal(found, logits[[0, 1, 2], [2, 0, 1]])
    found, _ = scores_of(localizer, photos, 1)
    np.testing.assert_array_equal(found, logits[:, 1])
    found, _ = scores_of(localizer, photos, None)
    np.testing.assert_array_equal(found, logits.max(axis=1))


def test_a_side_is_that_of_the_corners_in_pixels(localizer, photos):
    sides = [scores_of(localizer, photos, side) for side in ("x1", "y1", "x2", "y2")]
    outputs = sides[0][1]
    x, y, width, height = keras.ops.convert_to_numpy(outputs["boxes"])[:, 0].T
    corners = x, y, x + width, y + height
    np.testing.assert_allclose([found for found, _ in sides], corners, rtol=1e-6)
    maps = [ssl_voc.grad_cam(localizer, photos, side) for side in ("x1", "y2")]
    assert np.abs(maps[0] - maps[1]).max() > 0.1


class Detections(keras.Model):
    """Raw outputs of a detector that are read off the mean of each image's map."""

    def __init__(self):
        super().__init__()
        self.backbone = tiny.build_plain_backbone(SIDE)
        self.bounding_box_format, self.image_shape = "xyxy", (SIDE, SIDE)
        self.num_classes = 2
        self.corners = np.array(
            [(0, 0, 8, 8), (8, 8, 24, 24), (8, 8, 24, 24), (16, 0, 32, 16)], "float32"
        )
        self.kernel = np.random.default_rng(0).normal(size=(8, 8)).astype("float32")
        # Features are not negative: the third point scores higher than the second.
        self.kernel[:, 4] = self.kernel[:, 2] + 0.5

    def call(self, images, training=False):
        features = keras.ops.mean(self.backbone(images), axis=(1, 2))
        logits = keras.ops.reshape(features @ self.kernel, (-1, 4, 2))
        return {"classes": logits}

    def decode_boxes(self, outputs):
        return self.corners[None]


def test_a_detection_is_explained_at_the_point_that_made_it(photos):
    model = Detections()
    logits = keras.ops.convert_to_numpy(model(photos.astype("float32"))["classes"])
    wanted = np.array([(0, 0, 8, 8), (8, 8, 23, 24), (17, 0, 31, 16)], "float32")
    target = {"boxes": wanted, "classes": np.array([1, 0, 1])}
    found, _ = scores_of(model, photos, target)
    # Two points share the second box: the one of higher score is meant.
    expected = logits[0, 0, 1], logits[1, 2, 0], logits[2, 3, 1]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    found, _ = scores_of(model, photos, None)
    np.testing.assert_allclose(found, logits.max(axis=(1, 2)), rtol=1e-6)
    found, _ = scores_of(model, photos, 1)
    np.testing.assert_allclose(found, logits[..., 1].max(axis=1), rtol=1e-6)
    assert ssl_voc.grad_cam(model, photos, target).max() == 1.0


def test_a_detection_of_a_detector_is_found_again():
    model = tiny.build_detector(score_threshold=0.0, bounding_box_format="yxyx")
    tiny.with_usual_weights(model)
    photos = tiny.draw_photos(2, size=64)
    outputs = model(photos.astype("float32"))
    found = {
        key: keras.ops.convert_to_numpy(value)
        for key, value in model.decode_predictions(outputs).items()
    }
    for place in (0, 1):
        target = {key: found[key][:, place] for key in ("boxes", "classes")}
        scores, _ = scores_of(model, photos, target)
        confidence = 1 / (1 + np.exp(-scores))
        np.testing.assert_allclose(confidence, found["confidence"][:, place], rtol=1e-4)
    maps = ssl_voc.grad_cam(model, photos, target)
    assert maps.shape == (2, 64, 64) and np.isfinite(maps).all()


@pytest.mark.parametrize(
    ("of_detector", "target", "names"),
    [
        (False, "z1", "x1, y1, x2, y2"),
        (False, [0, 1], "3 images"),
        (False, 0.5, "0.5 for 3 images"),
        (False, 3, "0 to 3 .*3 to 3"),
        (False, {"boxes": np.zeros((3, 4)), "classes": [0] * 3}, "Localizer"),
        (True, {"boxes": np.zeros((2, 4)), "classes": np.zeros(2, int)}, "3 images"),
        # What a detector did not find is padded.
        (True, {"boxes": -np.ones((3, 4)), "classes": np.array([0, -1, 1])}, "-1 to 1"),
        (True, {"boxes": np.zeros((3, 4))}, "lacks: classes"),
        (True, "x1", "'x1'"),
    ],
)
def test_targets_that_a_model_does_not_have_are_refused(
    localizer, photos, of_detector, target, names
):
    model = Detections() if of_detector else localizer
    with pytest.raises(ValueError, match=names):
        ssl_voc.grad_cam(model, photos, target)
