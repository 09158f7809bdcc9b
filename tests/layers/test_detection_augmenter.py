import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import DetectionAugmenter, RandomMosaic
from tests.painted_objects import HEIGHT, WIDTH, draw_batch, listed, to_numpy

PLAIN = {"color_strength": 0.0, "grayscale_rate": 0.0}


def test_a_crop_shows_one_object_of_its_image_and_not_always_the_largest():
    boxes = np.array([[[0, 0, 30, 40], [56, 40, 62, 46]]], "float32")
    batch = {
        "images": np.zeros((300, HEIGHT, WIDTH, 3), "uint8"),
        "bounding_boxes": {
            "boxes": np.tile(boxes, (300, 1, 1)),
            "classes": np.tile([[0.0, 1.0]], (300, 1)).astype("float32"),
        },
    }
    layer = DetectionAugmenter(
        32, area_range=(0.05, 0.3), mosaic_rate=0.0, seed=0, **PLAIN
    )
    result = to_numpy(layer(batch, training=True))
    seen = result["bounding_boxes"]["classes"] >= 0
    assert seen.any(axis=1).all()
    assert 0.35 < np.mean(seen[:, 1] & ~seen[:, 0]) < 0.65


def test_zoom_goes_in_and_out_and_objects_of_mosaics_are_nearly_as_large():
    box = np.array([[[30, 22, 34, 26]]], "float32")
    batch = {
        "images": np.zeros((400, HEIGHT, WIDTH, 3), "uint8"),
        "bounding_boxes": {
            "boxes": np.tile(box, (400, 1, 1)),
            "classes": np.zeros((400, 1), "float32"),
        },
    }
    scales = []
    for mosaic_rate in (0.0, 1.0):
        layer = DetectionAugmenter(
            64,
            (0.25, 2.0),
            aspect_range=(WIDTH / HEIGHT, WIDTH / HEIGHT),
            min_main_share=1.0,
            min_visible_share=1.0,
            mosaic_rate=mosaic_rate,
            seed=0,
        )
        result = to_numpy(layer(batch, training=True))["bounding_boxes"]
        boxes = result["boxes"][result["classes"] >= 0]
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
        # Compared with the share of the image that the object has, 16 / 3072.
        scales.append(np.sqrt(areas / 64**2 / (16 / HEIGHT / WIDTH)))
    single, tiled = scales
    assert single.min() == pytest.approx(2**-0.5, abs=0.03)
    assert single.max() == pytest.approx(2.0, abs=0.3)
    # Tiles are half a side; the crop is a quarter of the area; centers jitter.
    assert np.median(tiled) == pytest.approx(np.median(single), rel=0.2)
    assert tiled.min() > 0.8 * 2**-0.5 * 0.95 and tiled.max() < 1.2 * 2 * 1.15


def test_images_without_objects_stay_valid():
    batch = draw_batch(6)
    for part in batch["bounding_boxes"].values():
        part[:] = -1.0
    for mosaic_rate in (0.0, 0.5):
        layer = DetectionAugmenter(32, mosaic_rate=mosaic_rate, seed=0, **PLAIN)
        result = to_numpy(layer(batch, training=True))
        for part in result["bounding_boxes"].values():
            np.testing.assert_array_equal(part, -1.0)
        assert np.isfinite(result["images"]).all()
        assert result["images"].std(axis=(1, 2, 3)).min() > 10


@pytest.mark.parametrize(
    ("layer", "call_arguments"),
    [
        (DetectionAugmenter(32, (0.2, 0.5), mosaic_rate=0.0, seed=0), {"training": 1}),
        (DetectionAugmenter(32, (0.2, 0.5), mosaic_rate=0.7, seed=0), {"training": 1}),
        (RandomMosaic(0.6, seed=5), {}),
    ],
    ids=["crops", "cropped mosaics", "mosaics"],
)
def test_flags_follow_their_boxes(layer, call_arguments):
    batch = draw_batch(12, 3)
    classes = batch["bounding_boxes"]["classes"]
    batch["difficult"] = (classes % 3 == 1) & (classes >= 0)
    batch["truncated"] = ((classes % 2 == 1) & (classes >= 0)).astype("float32")
    result = to_numpy(layer(batch, **call_arguments))
    numbers = result["bounding_boxes"]["classes"]
    exists = numbers >= 0
    assert np.sum(exists) > 12
    for name, divisor in (("difficult", 3), ("truncated", 2)):
        flags = result[name]
        assert flags.dtype == batch[name].dtype and flags.shape == numbers.shape
        np.testing.assert_array_equal(flags[exists] > 0, numbers[exists] % divisor == 1)
        assert not flags[~exists].any()
    if call_arguments:
        assert np.sum(exists[:, :4]) < np.sum(classes >= 0)  # some are dropped
        np.testing.assert_array_equal(layer(batch)["difficult"], batch["difficult"])


def compile_layer(layer, batch, **options):
    """The layer in training as a TensorFlow function of batches of any size."""
    import tensorflow as tf

    specs = keras.tree.map_structure(
        lambda part: tf.TensorSpec([None, *part.shape[1:]], part.dtype), batch
    )
    return tf.function(
        lambda batch: layer(batch, training=True), input_signature=[specs], **options
    )


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="graphs")
def test_a_graph_draws_what_eager_execution_draws():
    batch = draw_batch(5)
    batch["difficult"] = np.zeros((5, 3), bool)
    eager = DetectionAugmenter(32, seed=7)(batch, training=True)
    augment = compile_layer(DetectionAugmenter(32, seed=7), batch)
    keras.tree.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, atol=2e-2),
        to_numpy(augment(keras.tree.map_structure(ops.convert_to_tensor, batch))),
        to_numpy(eager),
    )


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="graphs")
def test_boxes_follow_their_objects_under_xla():
    batch = draw_batch(24, 1)
    bounding_boxes = batch["bounding_boxes"]
    # Every second image shows its object, in white.
    batch["images"][:] = 0
    for image, box in zip(batch["images"], bounding_boxes["boxes"][:, 0], strict=True):
        left, top, right, bottom = box.astype(int)
        image[top:bottom, left:right] = 255
    batch["images"][1::2] = 0
    layer = DetectionAugmenter(64, min_visible_share=0.0, seed=3, **PLAIN)
    augment = compile_layer(layer, batch, jit_compile=True)
    result = augment(keras.tree.map_structure(ops.convert_to_tensor, batch))
    views = ops.convert_to_numpy(result["images"])[..., 0]
    num_white = num_tiled = 0
    for view, objects in zip(views, listed(result), strict=True):
        inside = np.zeros(view.shape, bool)
        num_tiled += len(objects) > 1
        for number, box in objects.items():
            left, top, right, bottom = np.rint(box).astype(int)
            inside[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1] = True
            middle = view[int(box[1::2].mean()), int(box[0::2].mean())]
            is_white = number // 2 % 2 == 0  # a number for each row, padding as well
            num_white += is_white
            if min(right - left, bottom - top) > 2 and is_white:
                assert middle == pytest.approx(255.0, abs=1.0)
        assert view[~inside].max(initial=0.0) < 64.0
    assert num_white > 12 and 4 < num_tiled < 20


def test_flags_of_other_shape_are_refused():
    batch = draw_batch(2)
    batch["difficult"] = np.zeros(2, bool)
    with pytest.raises(ValueError, match=r"`difficult` must have a value for each box"):
        DetectionAugmenter(8)(batch, training=True)


@pytest.mark.parametrize(
    ("mosaic_rate", "training", "num_boxes"), [(0.5, True, 12), (0, True, 3), (1, 0, 3)]
)
def test_mosaics_while_training_have_four_times_the_boxes(
    mosaic_rate, training, num_boxes
):
    layer = DetectionAugmenter(32, mosaic_rate=mosaic_rate, seed=0)
    result = layer(draw_batch(4), training=bool(training))["bounding_boxes"]
    assert result["boxes"].shape == (4, num_boxes, 4)
    assert result["classes"].shape == (4, num_boxes)
