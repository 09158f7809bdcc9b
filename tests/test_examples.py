"""The examples run as their first lines say, under every backend that is here."""

import itertools
import re

import keras
import numpy as np
import pytest

import ssl_voc.models  # noqa: F401 registers what model.keras holds
from ssl_voc.pretrain import PretrainConfig
from tests import box_reference
from tests.interpreters import REPOSITORY, run_python
from tests.tiny import (
    COLORS,
    build_deep_backbone,
    draw_objects,
    draw_photos,
    save_backbone,
    write_voc,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_script_turns_photos_into_a_backbone(backend, tmp_path):
    photos, tiny = tmp_path / "photos.npz", tmp_path / "tiny.keras"
    learned = tmp_path / "backbone.keras"
    np.savez(photos, draw_photos(16))
    save_backbone(tiny)
    flags = f"--backbone {tiny} --image-size 32 --batch-size 8 --epochs 2"
    script = ("-m", "examples.pretrain_from_script", photos, "--out", learned)
    run_python(backend, *script, *flags.split())
    before, after = keras.models.load_model(tiny), keras.models.load_model(learned)
    for old, new in zip(before.weights, after.weights, strict=True):
        assert old.shape == new.shape
        assert not np.allclose(old, new), old.path
    # Of Keras' own layers: the file loads where ssl_voc is not installed.
    assert {type(layer).__module__.split(".")[0] for layer in after.layers} == {"keras"}


def test_backbone_of_the_readme_loads_without_ssl_voc(tmp_path, monkeypatch):
    readme = (REPOSITORY / "README.md").read_text().splitlines()
    start = readme.index("    import keras, ssl_voc")
    text = itertools.takewhile(lambda line: line[:4].strip() == "", readme[start:])
    snippet = "\n".join(line[4:] for line in text)
    for written, small in (
        ('"EfficientNetB1", image_size=96', '"tiny.keras", image_size=32'),
        ("image_size=96", "image_size=32"),
        ("batch_size=128, epochs=36", "batch_size=8, verbose=0"),
    ):
        assert written in snippet
        snippet = snippet.replace(written, small)
    monkeypatch.chdir(tmp_path)
    save_backbone("tiny.keras")
    names = {"photos": draw_photos(16)}
    exec(snippet, names)
    load = "import sys, keras; keras.models.load_model(sys.argv[1])"
    without = "import sys; sys.modules['ssl_voc'] = None; " + load
    run_python("tensorflow", "-c", without, tmp_path / "backbone.keras")
    # One recipe, whether by script, by example or by command.
    recipe, augmenter = PretrainConfig(), names["model"].augmenter
    assert tuple(augmenter.area_range) == recipe.crop_area
    assert augmenter.color_strength == recipe.color_strength
    assert augmenter.blur_rate == recipe.blur_rate
    assert names["model"].loss.temperature == recipe.temperature
    example = (REPOSITORY / "examples" / "pretrain_from_script.py").read_text()
    assert "SimCLRAugmenter(image_size=96)" in "\n".join(readme)
    assert "SimCLRAugmenter(options.image_size)" in example
    assert "NTXentLoss()" in example and "NTXentLoss()" in "\n".join(readme)
    # What is said of every other file.
    names["model"].save(tmp_path / "model.keras")
    parts = "import ssl_voc.models"
    assert f"`{parts}`" in (REPOSITORY / "docs/scripts.md").read_text()
    run_python("tensorflow", "-c", f"{parts}; {load}", tmp_path / "model.keras")


@pytest.mark.parametrize("task", ["localize", "detect"])
def test_script_turns_boxes_into_a_model_that_finds_them(task, tmp_path):
    detects = task == "detect"
    size, num_photos, epochs = (64, 30, 50) if detects else (32, 24, 60)
    drawn = 80 if detects else 40
    photos, boxes, classes = draw_objects(num_photos, drawn)
    tree = write_voc(tmp_path / "voc", 24, num_photos - 24, size=drawn)
    learned, backbone = tmp_path / "model.keras", tmp_path / "backbone.keras"
    if detects:
        build_deep_backbone(size).save(backbone)
    else:
        save_backbone(backbone)
    flags = f"--backbone {backbone} --image-size {size} --batch-size 12"
    flags += f" --epochs {epochs} --out {learned}" + " --val-split val" * detects
    script = ("-m", f"examples.{task}_from_script", tree)
    printed = run_python("tensorflow", *script, *flags.split())
    assert ("val_voc07_ap50" in printed) == detects
    row = r"^000: (\w+) (?:at|0\.\d+ at|1\.00 at) (.+)$"
    name, corners = re.findall(row, printed, re.MULTILINE)[0]
    # Photos of 40 and 80 px were looked at in 32 and 64: the answer is in their pixels.
    assert box_reference.iou(boxes[0], [*map(int, corners.split())]) > 0.3
    assert name == [*COLORS][classes[0]]
    model = keras.models.load_model(learned)
    found = model.predict(photos[:2, :size, :size], verbose=0)["boxes"]
    assert found.shape == (2, 100 if detects else 1, 4)
