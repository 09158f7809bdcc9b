import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import LocalizationAugmenter

PLAIN = {"color_strength": 0.0, "grayscale_rate": 0.0}


def paint(num_images=48, height=72, width=96, seed=0):
    """A red and a green rectangle on black in each image, and one row of padding."""
    random = np.random.default_rng(seed)
    images = np.zeros((num_images, height, width, 3), "uint8")
    boxes = np.full((num_images, 3, 4), -1.0, "float32")
    for image, rows in zip(images, boxes, strict=True):
        for channel in range(2):
            x1, x2 = np.sort(random.choice(width + 1, 2, replace=False))
            y1, y2 = np.sort(random.choice(height + 1, 2, replace=False))
            # At least 12 pixels, so that the smallest view of it is one.
            x1, y1 = min(x1, width - 12), min(y1, height - 12)
            x2, y2 = max(x2, x1 + 12), max(y2, y1 + 12)
            image[y1:y2, x1:x2, channel] = 255
            rows[channel] = x1, y1, x2, y2
    classes = np.tile([[0.0, 5.0, -1.0]], (num_images, 1)).astype("float32")
    return {"images": images, "bounding_boxes": {"boxes": boxes, "classes": classes}}


def to_numpy(batch):
    batch = keras.tree.map_structure(ops.convert_to_numpy, batch)
    bounding_boxes = batch["bounding_boxes"]
    return batch["images"], bounding_boxes["boxes"], bounding_boxes["classes"]


def test_all_that_is_drawn_differs_from_image_to_image():
    batch = paint(1)
    batch = keras.tree.map_structure(lambda part: np.repeat(part, 40, 0), batch)
    augmenter = LocalizationAugmenter(48, seed=0, **PLAIN)
    _, boxes, classes = to_numpy(augmenter(batch, training=True))
    assert len(np.unique(boxes[:, 0].round(2), axis=0)) > 30


def test_half_of_the_images_are_mirrored():
    image = np.zeros((400, 8, 8, 3), "uint8")
    image[:, 2:6, 1:3] = 255
    batch = {
        "images": image,
        "bounding_boxes": {
            "boxes": np.tile([[[1, 2, 3, 6.0]]], (400, 1, 1)).astype("float32"),
            "classes": np.zeros((400, 1), "float32"),
        },
    }
    augmenter = LocalizationAugmenter(
        8, area_range=(1, 1), aspect_range=(1, 1), seed=0, **PLAIN
    )
    images, boxes, _ = to_numpy(augmenter(batch, training=True))
    mirrored = boxes[:, 0, 0] > 4
    np.testing.assert_allclose(boxes[mirrored, 0], [[5, 2, 7, 6]] * mirrored.sum())
    np.testing.assert_allclose(images[mirrored][:, 4, 5], 255.0, atol=1e-3)
    np.testing.assert_allclose(images[~mirrored][:, 4, 1], 255.0, atol=1e-3)
    assert mirrored.mean() == pytest.approx(0.5, abs=0.08)


def test_colors_change_in_training_and_stay_in_range():
    batch = paint(32)
    batch["images"] = np.maximum(batch["images"] // 2, 60)
    whole = {"area_range": (1, 1), "aspect_range": (4 / 3, 4 / 3), "flip_rate": 0.0}
    augmenter = LocalizationAugmenter(72, **whole, grayscale_rate=0.5, seed=0)
    plain = LocalizationAugmenter(72, **whole, **PLAIN, seed=0)
    images, boxes, _ = to_numpy(augmenter(batch, training=True))
    kept, boxes_kept, _ = to_numpy(plain(batch, training=True))
    np.testing.assert_allclose(boxes, boxes_kept, atol=1e-4)
    assert images.min() >= 0.0 and images.max() <= 255.0
    changed = np.abs(images - kept).mean(axis=(1, 2, 3)) > 2.0
    gray = np.ptp(images, axis=-1).max(axis=(1, 2)) < 0.01
    assert changed.mean() > 0.7
    assert gray.mean() == pytest.approx(0.5, abs=0.25)


def test_augmenter_runs_inside_a_model_of_any_batch():
    inputs = {
        "images": keras.Input((72, 96, 3), dtype="uint8", name="images"),
        "bounding_boxes": {
            "boxes": keras.Input((3, 4), name="boxes"),
            "classes": keras.Input((3,), name="classes"),
        },
    }
    augmenter = LocalizationAugmenter(32, seed=0)
    outputs = augmenter(inputs, training=True)
    assert outputs["images"].shape == (None, 32, 32, 3)
    model = keras.Model(inputs, outputs)
    for num_images in (2, 5):
        batch = paint(num_images)
        images, boxes, classes = to_numpy(model.predict(batch, verbose=0))
        # Inference resizes only, so that nothing is lost.
        np.testing.assert_array_equal(classes, batch["bounding_boxes"]["classes"])
        resized = to_numpy(augmenter(batch, training=False))
        np.testing.assert_allclose(images, resized[0], atol=1e-3)
        np.testing.assert_allclose(boxes, resized[1], atol=1e-3)


def test_what_does_not_follow_the_views_is_left_behind():
    batch = paint(2)
    batch["all_objects"] = batch["bounding_boxes"]["boxes"]
    result = LocalizationAugmenter(32, seed=0)(batch, training=True)
    assert set(result) == {"images", "bounding_boxes"}
    assert set(result["bounding_boxes"]) == {"boxes", "classes"}


@pytest.mark.parametrize(
    ("batch", "complaint"),
    [
        (np.zeros((2, 8, 8, 3)), "Expected a dictionary .*Received: "),
        ({"images": np.zeros((2, 8, 8, 3))}, r"Received: \{images\}"),
        (
            {
                "images": np.zeros((2, 8, 8, 3)),
                "bounding_boxes": {"boxes": np.ones((2, 4)), "classes": np.ones(2)},
            },
            r"Pad images .* boxes.shape=\(2, 4\)",
        ),
    ],
)
def test_other_input_is_refused(batch, complaint):
    with pytest.raises(ValueError, match=complaint):
        LocalizationAugmenter(8)(batch, training=True)
