"""Predictor of a finished run: its model must be that of its records."""

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.predict.predictors import open_predictor
from tests import tiny
from tests.evaluate.oracle import write_records


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
