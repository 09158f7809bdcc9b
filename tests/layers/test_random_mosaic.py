import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import RandomMosaic
from tests.painted_objects import HEIGHT, WIDTH, draw_batch, find_each, listed, to_numpy


def test_every_box_of_four_images_surrounds_the_object_it_names():
    batch = draw_batch()
    bounding_boxes = batch["bounding_boxes"]

    def build_layer():
        return RandomMosaic(1.0, seed=3)

    found = find_each(build_layer, bounding_boxes, HEIGHT, WIDTH)
    result = listed(build_layer()(batch))
    owners = {
        number: owner
        for owner, row in enumerate(bounding_boxes["classes"])
        for number in row[row >= 0]
    }
    for index, (boxes, seen) in enumerate(zip(result, found, strict=True)):
        assert set(boxes) == set(seen)  # nothing is lost, nothing invented
        for number, box in boxes.items():
            np.testing.assert_allclose(box, seen[number], atol=1.0)
        assert set(bounding_boxes["classes"][index]) - {-1.0} <= set(boxes)
        # Four images, of which one may be that without objects.
        assert len({owners[number] for number in boxes}) in (3, 4)
    # Each object appears in four of the mosaics.
    assert sum(map(len, result)) == 4 * np.sum(bounding_boxes["classes"] >= 0)


def test_tiles_show_whole_images_and_meet_at_their_center():
    # Each image has one brightness, by which its tiles are known.
    tones = np.array([40, 80, 120, 160, 200], "float32")
    images = np.tile(tones[:, None, None, None], (1, HEIGHT, WIDTH, 3))
    whole = np.tile([[[0, 0, WIDTH, HEIGHT]]], (5, 1, 1)).astype("float32")
    classes = np.arange(5.0, dtype="float32")[:, None]
    batch = {"images": images, "bounding_boxes": {"boxes": whole, "classes": classes}}
    result = to_numpy(RandomMosaic(1.0, (0.3, 0.7), seed=1)(batch))
    boxes = result["bounding_boxes"]["boxes"]
    numbers = result["bounding_boxes"]["classes"].astype(int)
    for image, corners, members in zip(result["images"], boxes, numbers, strict=True):
        x, y = corners[0, 2:]
        assert 0.3 * WIDTH <= x <= 0.7 * WIDTH and 0.3 * HEIGHT <= y <= 0.7 * HEIGHT
        expected = [[0, 0, x, y], [x, 0, WIDTH, y], [0, y, x, HEIGHT]]
        expected.append([x, y, WIDTH, HEIGHT])
        np.testing.assert_allclose(corners, expected, atol=1e-4)
        for (left, top, right, bottom), member in zip(
            np.rint(corners).astype(int), members, strict=True
        ):
            tile = image[top:bottom, left:right]
            # Pixels of the seam belong to one tile or the other, and are never mixed.
            same = np.abs(tile - tones[member]) < 0.01
            assert same[1:-1, 1:-1].all() and same.mean() > 0.8
        assert np.isclose(image[..., None], tones[members], atol=0.01).any(-1).all()


def test_beyond_a_mosaic_lies_black():
    layer = RandomMosaic(0.5, seed=0)
    layout = layer.draw_layout(20)
    white = np.full((20, HEIGHT, WIDTH, 3), 255, "uint8")
    # Three times as wide: the mosaic fills the middle third, edges between pixels.
    crops = np.tile([[-1.0, -1.0, 2.0, 2.0]], (20, 1)).astype("float32")
    views = ops.convert_to_numpy(layer.cut(white, layout, crops, (96, 96)))
    expected = np.zeros((96, 96, 1))
    expected[32:64, 32:64] = 255.0
    np.testing.assert_allclose(views, np.tile(expected, (20, 1, 1, 3)), atol=1e-3)


def test_each_image_decides_alone_and_single_images_stay_as_they_are():
    batch = draw_batch(200, 1)
    result = to_numpy(RandomMosaic(0.3, seed=0)(batch))
    num_boxes = batch["bounding_boxes"]["classes"].shape[1]
    classes = result["bounding_boxes"]["classes"]
    assert classes.shape == (200, 4 * num_boxes)
    assert result["bounding_boxes"]["boxes"].shape == (200, 4 * num_boxes, 4)
    single = np.all(classes[:, num_boxes:] == -1, axis=1)
    assert np.mean(single) == pytest.approx(0.7, abs=0.1)
    np.testing.assert_allclose(
        result["images"][single], batch["images"][single], atol=1e-3
    )
    for name in ("boxes", "classes"):
        before = batch["bounding_boxes"][name]
        after = result["bounding_boxes"][name]
        np.testing.assert_allclose(after[single, :num_boxes], before[single], atol=1e-4)
        np.testing.assert_array_equal(after[single, num_boxes:], -1.0)
    changed = np.abs(result["images"] - batch["images"]).mean(axis=(1, 2, 3)) > 5
    np.testing.assert_array_equal(changed, ~single)


def test_every_batch_draws_its_own_neighbors():
    layer = RandomMosaic(1.0, seed=0)
    first, second = (
        ops.convert_to_numpy(layer.draw_layout(32)["members"]) for _ in range(2)
    )
    for members in (first, second):
        np.testing.assert_array_equal(members[:, 0], np.arange(32))
        for column in members.T:  # every image once
            assert len(set(column)) == 32
        assert all(len(set(row)) == 4 for row in members)
    assert np.mean(first[:, 1:] == second[:, 1:]) < 0.2
    # No roll either: the next one differs from image to image.
    assert len(set((first[:, 1] - first[:, 0]) % 32)) > 5


@pytest.mark.parametrize("num_images", [1, 2, 3])
def test_a_batch_of_few_images_repeats_them(num_images):
    batch = draw_batch(num_images, 1)
    batch["bounding_boxes"]["classes"][:, 0] = np.arange(num_images)
    batch["bounding_boxes"]["boxes"][:, 0] = [4, 4, 40, 40]
    result = to_numpy(RandomMosaic(1.0, seed=0)(batch))
    classes = result["bounding_boxes"]["classes"]
    assert np.sum(classes >= 0) == 4 * num_images
    assert {*classes[classes >= 0]} == {*range(num_images)}
    assert np.isfinite(result["images"]).all()


def test_mosaics_inside_a_model_have_four_times_the_boxes():
    inputs = {
        "images": keras.Input((HEIGHT, WIDTH, 3), dtype="uint8", name="images"),
        "bounding_boxes": {
            "boxes": keras.Input((3, 4), name="boxes"),
            "classes": keras.Input((3,), name="classes"),
        },
        "difficult": keras.Input((3,), dtype="bool", name="difficult"),
    }
    outputs = RandomMosaic(1.0, seed=0)(inputs)
    assert outputs["images"].shape == (None, HEIGHT, WIDTH, 3)
    assert outputs["bounding_boxes"]["boxes"].shape == (None, 12, 4)
    assert outputs["bounding_boxes"]["classes"].shape == (None, 12)
    assert outputs["difficult"].shape == (None, 12)
    model = keras.Model(inputs, outputs)
    for num_images in (5, 2):
        batch = draw_batch(num_images)
        batch["difficult"] = np.zeros((num_images, 3), bool)
        classes = to_numpy(model(batch))["bounding_boxes"]["classes"]
        expected = 4 * np.sum(batch["bounding_boxes"]["classes"] >= 0)
        assert np.sum(classes >= 0) == expected
