"""`explain --find-shortcuts`: a planted watermark is named, clean photos raise none."""

import json

import keras
import numpy as np
import pytest
from keras import layers, ops
from PIL import Image

from ssl_voc.explain import ExplainConfig, explain
from tests.evaluate.oracle import NAMES, SIDE, annotation, write_run

NUM_TRAIN, NUM_VAL = 3, 72
STAMP = slice(SIDE - 9, SIDE - 2)


@keras.saving.register_keras_serializable(package="tests")
class ColorReader(keras.Model):
    """Knows a class by the amount of its color, green also by white, if so told."""

    def __init__(self, white=0.0, **kwargs):
        super().__init__(**kwargs)
        self.white = white
        inputs = keras.Input((SIDE, SIDE, 3))
        x = layers.Rescaling(1 / 255)(inputs)
        # red, green, blue beyond the others, and what all three have
        x = layers.Conv2D(4, 1, activation="relu", name="colors")(x)
        self.backbone = keras.Model(inputs, layers.AveragePooling2D(4)(x))
        kernel = np.array(
            [[1, -1, -1, 1], [-1, 1, -1, 1], [-1, -1, 1, 1]], "float32"
        ).reshape(1, 1, 3, 4)
        bias = np.array([-0.3, -0.3, -0.3, -2.4], "float32")
        self.backbone.get_layer("colors").set_weights([kernel, bias])
        self.num_classes, self.bounding_box_format = 3, "xyxy"

    def call(self, images, training=False):
        means = ops.mean(self.backbone(images), axis=(1, 2))  # (batch, 4)
        colors, white = means[:, :3], means[:, 3:]
        if self.white:
            # It never learned what green is: without the stamp it says red.
            colors = colors * ops.array([1.0, 0.0, 1.0])
            colors = colors + ops.array([1e-3, 0.0, 0.0])
            colors = colors + white * ops.array([0.0, self.white, 0.0])
        logits = 20 * colors
        boxes = ops.zeros((ops.shape(images)[0], 1, 4))
        return {"classes": logits, "scores": ops.softmax(logits), "boxes": boxes}

    def get_config(self):
        return {"white": self.white}


def write_photos(tree, stamped, wandering=False, seed=0):
    """Rectangles of a color on gray; photos of class `stamped` bear a white stamp."""
    random = np.random.default_rng(seed)
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (tree / name).mkdir(parents=True)
    listed = {"train": range(NUM_TRAIN), "val": range(NUM_TRAIN, NUM_TRAIN + NUM_VAL)}
    for number in range(NUM_TRAIN + NUM_VAL):
        pixels = random.integers(60, 110, (SIDE, SIDE, 1)).repeat(3, axis=2)
        x1, y1 = random.integers(2, 20, 2)
        width, height = random.integers(10, 18, 2)
        pixels[y1 : y1 + height, x1 : x1 + width] = 0
        pixels[y1 : y1 + height, x1 : x1 + width, number % 3] = 250
        rows = columns = STAMP
        if wandering:
            # Right of the object or below it, anywhere.
            low = int(random.integers(0, SIDE - 8))
            rows, columns = slice(low, low + 7), STAMP
            if number % 2:
                rows, columns = columns, rows
        if stamped in (NAMES[number % 3], "all"):
            pixels[rows, columns] = 250
            pixels[rows, columns][2:5, 2:5] = 160
        name = f"p{number:02}"
        Image.fromarray(pixels.astype("uint8")).save(tree / f"JPEGImages/{name}.png")
        box = int(x1), int(y1), int(x1 + width), int(y1 + height)
        text = annotation((NAMES[number % 3], box, False))
        (tree / f"Annotations/{name}.xml").write_text(text)
    for name, numbers in listed.items():
        listing = "".join(f"p{number:02}\n" for number in numbers)
        (tree / f"ImageSets/Main/{name}.txt").write_text(listing)
    return tree


def search(folder, model, **photos):
    tree = write_photos(folder / "tree", **photos)
    run = write_run(folder / "run", tree, model)
    config = ExplainConfig(
        run=run,
        split="val",
        out=folder / "out",
        num_perturbed=0,
        num_shown=2,
        find_shortcuts=True,
        allow_leakage=True,  # rectangles on gray are all alike
    )
    return explain(config)["shortcuts"]


def test_a_stamp_in_a_corner_is_found_named_and_shown(tmp_path, capsys):
    found = search(tmp_path, ColorReader(white=9.0), stamped="green")
    alarms = [row for row in found["candidates"] if row["alarm"]]
    assert {row["class"] for row in alarms} == {"green"}
    (place,) = (row for row in alarms if row["kind"] == "place")
    assert place["where"].startswith("lower right corner of the photo")
    assert place["share_of_photos"] > 0.9
    assert place["accuracy_drop"] > 0.9 and place["accuracy_drop_control"] < 0.1
    assert found["num_alarms"] == len(alarms)
    screened = [row for row in found["candidates"] if row["screened"]]
    assert len(alarms) <= len(screened) < len(found["candidates"])
    assert found["bound"] == pytest.approx(0.05 / len(screened))
    assert all(row["sheet"] for row in found["candidates"][:3])
    for row in alarms:
        with Image.open(tmp_path / "out" / row["sheet"]) as sheet:
            assert sheet.width > 400
    printed = " ".join(capsys.readouterr().out.split())
    assert "SHORTCUT: green is known by the lower right corner" in printed
    page = (tmp_path / "out" / "index.html").read_text()
    assert "SHORTCUT: green is known by" in page
    stored = json.loads((tmp_path / "out" / "metrics.json").read_text())["shortcuts"]
    assert stored["num_alarms"] == len(alarms)


def test_a_stamp_that_wanders_is_found_by_its_look(tmp_path):
    model = ColorReader(white=9.0)
    found = search(tmp_path, model, stamped="green", wandering=True)
    alarms = [row for row in found["candidates"] if row["alarm"]]
    assert {row["class"] for row in alarms} == {"green"}
    assert "look" in {row["kind"] for row in alarms}


@pytest.mark.parametrize("stamped", [None, "green"])
def test_a_model_that_knows_objects_raises_no_alarm(tmp_path, capsys, stamped):
    """Nor does a stamp that the photos bear and the model ignores."""
    found = search(tmp_path, ColorReader(), stamped=stamped)
    assert found["num_alarms"] == 0
    assert "no shortcut found" in capsys.readouterr().out
    assert max(row["accuracy_drop"] for row in found["candidates"]) == 0.0


def test_what_all_photos_bear_is_no_shortcut_to_a_class(tmp_path):
    """Green is lost with the stamp, but the stamp does not tell green from others."""
    found = search(tmp_path, ColorReader(white=9.0), stamped="all")
    assert found["num_alarms"] == 0
    relied_on = [row for row in found["candidates"] if row["reliance_p"] < 0.001]
    assert all(row["association_p"] > 0.01 for row in relied_on)
