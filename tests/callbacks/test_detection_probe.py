import keras
import numpy as np
import pytest

import pipelines
from ssl_voc.callbacks import DetectionProbe
from ssl_voc.metrics import (
    coco_average_precision,
    match_detections,
    voc_average_precision,
)
from tests import tiny


class Oracle(keras.Model):
    """Finds what it was told, with a box moved where it was told to be wrong."""

    num_classes = 3
    image_shape = (64, 64)

    def __init__(self, batch, bounding_box_format="xyxy"):
        super().__init__()
        self.batch = batch
        self.bounding_box_format = bounding_box_format

    def predict(self, images, batch_size=None, verbose=0):
        same = np.all(images[:, None] == self.batch["images"], axis=(2, 3, 4))
        rows = np.argmax(same, axis=1)
        boxes = self.batch["bounding_boxes"]["boxes"][rows].copy()
        classes = self.batch["bounding_boxes"]["classes"][rows].astype("int32")
        boxes[0, 0] += 40.0  # the first photo of each batch is missed
        return {
            "boxes": boxes,
            "classes": classes,
            "confidence": np.where(classes >= 0, 0.5, -1.0).astype("float32"),
            "num_detections": np.sum(classes >= 0, axis=1),
        }


def parts_of(batch, size):
    number = len(batch["images"])
    return [
        keras.tree.map_structure(lambda values, s=start: values[s : s + size], batch)
        for start in range(0, number, size)
    ]


def probe(batch, size=3):
    callback = DetectionProbe(parts_of(batch, size))
    callback.set_model(Oracle(batch))
    logs = {}
    callback.on_epoch_end(0, logs)
    return logs


def test_the_figures_are_those_of_all_photos_together_matched_once(monkeypatch):
    calls = []

    def count(*arguments, **options):
        calls.append(arguments)
        return match_detections(*arguments, **options)

    with monkeypatch.context() as patch:
        for module in ("callbacks.detection_probe", "metrics.average_precision"):
            patch.setattr(f"ssl_voc.{module}.match_detections", count)
        batch = tiny.detection_batch(8)
        logs = probe(batch)
    assert len(calls) == 1
    oracle = Oracle(batch)
    parts = [oracle.predict(part["images"]) for part in parts_of(batch, 3)]
    found = {k: np.concatenate([part[k] for part in parts]) for k in parts[0]}
    for protocol in ("voc07", "voc10"):
        expected = voc_average_precision(found, batch["bounding_boxes"], protocol).mean
        assert 0.2 < expected < 1.0
        assert logs[f"val_{protocol}_ap50"] == pytest.approx(expected)
    expected = coco_average_precision(found, batch["bounding_boxes"])["coco_ap"]
    assert 0.2 < expected == pytest.approx(logs["val_coco_ap"])


def test_a_model_that_finds_nothing_scores_0():
    batch = tiny.detection_batch(4)
    oracle = Oracle(batch)
    callback = DetectionProbe([batch])
    callback.set_model(oracle)
    oracle.predict = lambda images, **flags: {
        "boxes": np.full((4, 5, 4), -1.0, "float32"),
        "classes": np.full((4, 5), -1, "int32"),
        "confidence": np.full((4, 5), -1.0, "float32"),
    }
    logs = {}
    callback.on_epoch_end(0, logs)
    assert set(logs.values()) == {0.0}


def test_difficult_objects_need_not_be_found():
    batch = tiny.detection_batch(8)
    plain = probe(batch, size=8)
    # The one object that the oracle misses:
    batch["difficult"][0, 0] = True
    assert probe(batch, size=8)["val_voc10_ap50"] > plain["val_voc10_ap50"]


def test_batches_without_end_are_refused(tmp_path):
    source = str(tiny.write_voc(tmp_path / "voc", num_train=4))
    DetectionProbe(pipelines.detection(source, 32, 2, training=False))
    with pytest.raises(ValueError, match="must end: .*training=False"):
        DetectionProbe(pipelines.detection(source, 32, 2))
