import keras
import numpy as np
import pytest

from ssl_voc.layers import LocalizationAugmenter
from tests.painted_objects import HEIGHT, WIDTH, draw_batch, to_numpy

PLAIN = {"color_strength": 0.0, "grayscale_rate": 0.0}


def test_all_that_is_drawn_differs_from_image_to_image():
    alike = keras.tree.map_structure(lambda part: part[:1].repeat(40, 0), draw_batch())
    augmenter = LocalizationAugmenter(48, seed=0, **PLAIN)
    result = to_numpy(augmenter(alike, training=True))["bounding_boxes"]
    main = result["boxes"].max(axis=1)
    assert len(np.unique(main.round(2), axis=0)) > 30


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
    result = to_numpy(augmenter(batch, training=True))
    images, boxes = result["images"], result["bounding_boxes"]["boxes"]
    mirrored = boxes[:, 0, 0] > 4
    np.testing.assert_allclose(boxes[mirrored, 0], [[5, 2, 7, 6]] * mirrored.sum())
    np.testing.assert_allclose(images[mirrored][:, 4, 5], 255.0, atol=1e-3)
    np.testing.assert_allclose(images[~mirrored][:, 4, 1], 255.0, atol=1e-3)
    assert mirrored.mean() == pytest.approx(0.5, abs=0.08)


def test_colors_change_in_training_and_stay_in_range():
    batch = draw_batch(32)
    whole = {"area_range": (1, 1), "aspect_range": (4 / 3, 4 / 3), "flip_rate": 0.0}
    augmenter = LocalizationAugmenter(HEIGHT, **whole, grayscale_rate=0.5, seed=0)
    plain = LocalizationAugmenter(HEIGHT, **whole, **PLAIN, seed=0)
    result, kept = (to_numpy(part(batch, training=True)) for part in (augmenter, plain))
    np.testing.assert_allclose(
        result["bounding_boxes"]["boxes"], kept["bounding_boxes"]["boxes"], atol=1e-4
    )
    images = result["images"]
    assert images.min() >= 0.0 and images.max() <= 255.0
    changed = np.abs(images - kept["images"]).mean(axis=(1, 2, 3)) > 2.0
    gray = np.ptp(images, axis=-1).max(axis=(1, 2)) < 0.01
    assert changed.mean() > 0.7
    assert gray.mean() == pytest.approx(0.5, abs=0.25)


def test_augmenter_runs_inside_a_model_of_any_batch():
    inputs = {
        "images": keras.Input((HEIGHT, WIDTH, 3), dtype="uint8", name="images"),
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
        batch = draw_batch(num_images)
        # Inference resizes only, so that nothing is lost.
        keras.tree.map_structure(
            lambda found, resized: np.testing.assert_allclose(
                found, resized, atol=1e-3
            ),
            to_numpy(model(batch, training=False)),
            to_numpy(augmenter(batch, training=False)),
        )


def test_what_does_not_follow_the_views_is_left_behind():
    batch = draw_batch(2)
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
