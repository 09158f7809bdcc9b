"""Predictor of a finished run: its model must be that of its records."""

import keras
import numpy as np
import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.predict.photo_names import NamedPhoto
from ssl_voc.predict.photos import load_photo
from ssl_voc.predict.predictors import open_predictor
from tests import tiny
from tests.evaluate.oracle import SIDE, Oracle, write_records


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image_size": 48}, r"images of \(32, 32\), but manifest.json says 48 px"),
        ({"class_names": ["a", "b"]}, "scores 3 classes, but manifest.json names 2"),
    ],
)
def test_a_model_that_is_not_the_records_is_refused(tmp_path, changes, words):
    records = {"image_size": 32, "class_names": [*tiny.COLORS], **changes}
    run = write_records(tmp_path / "run", "photos", **records)
    tiny.build_localizer().save(run / "model.keras")
    with pytest.raises(BadInput, match=f"^--model: .*{words}"):
        open_predictor(str(run))


@pytest.mark.parametrize("tta", [False, True])
def test_no_more_rows_are_computed_than_there_are_photos(
    tmp_path, photos, monkeypatch, tta
):
    run = write_records(tmp_path / "run", "photos")
    oracle = Oracle()
    oracle(np.zeros((1, SIDE, SIDE, 3)))
    oracle.save(run / "model.keras")
    predictor = open_predictor(str(run), batch_size=8, tta=tta)
    numbers = []
    ask = keras.Model.predict_on_batch

    def count(model, images):
        numbers.append(len(images))
        return ask(model, images)

    monkeypatch.setattr(keras.Model, "predict_on_batch", count)
    paths = sorted(photos.iterdir())[:3]
    loaded = [load_photo(NamedPhoto(path, path.stem)) for path in paths]
    found = predictor.predict(loaded)
    assert {*numbers} == {3} and len(found) == 3
    (alone,) = predictor.predict(loaded[2:])
    assert numbers[-1] == 1
    np.testing.assert_allclose(alone.boxes, found[2].boxes)


@pytest.mark.parametrize(("asked", "given"), [(10, 100), (150, 150)])
def test_a_detector_gives_as_many_objects_as_are_asked_for(tmp_path, asked, given):
    records = {"task": "detect", "image_size": 64, "class_names": [*tiny.COLORS]}
    run = write_records(tmp_path / "run", "photos", **records)
    tiny.build_detector().save(run / "model.keras")
    predictor = open_predictor(str(run), max_detections=asked)
    images = np.zeros((1, 64, 64, 3), "uint8")
    predictor.model.run_eagerly = True
    found = predictor.model.predict_on_batch(images)
    assert found["classes"].shape == (1, given)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    records = {"image_size": 32, "class_names": [*tiny.COLORS]}
    run = write_records(tmp_path / "run", "photos", **records)
    model = tiny.build_localizer()
    model.head.classifier.bias.assign([0.0, float("nan"), 0.0])
    model.save(run / "model.keras")
    words = r"^--model: .*NaN .*in 1 of \d+ places, first .*bias"
    with pytest.raises(BadInput, match=words):
        open_predictor(str(run))
    with pytest.raises(BadInput, match="is a file. Name its folder"):
        open_predictor(str(run / "model.keras"))
