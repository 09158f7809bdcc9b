"""Table of predictions."""

import numpy as np

from ssl_voc.predict.table import MOST_ROWS, PredictionTable
from ssl_voc.serving_client.prediction import Prediction


def found(*names):
    scores = np.linspace(0.9, 0.1, len(names), dtype="float32")
    boxes = np.zeros((len(names), 4), "float32")
    return Prediction(boxes, scores, np.zeros(len(names), "int32"), names)


def test_rows_are_aligned_and_the_rest_is_counted():
    table = PredictionTable()
    table.add("a", (480, 640), found("cat", "dog"))
    table.add("longer", (48, 64), found())
    lines = str(table).splitlines()
    assert lines == [
        "photo        size  found",
        "a       640 x 480  cat 0.90, dog 0.10",
        "longer    64 x 48  -",
    ]
    for number in range(MOST_ROWS):
        table.add(str(number), (4, 4), found("cat"))
    assert str(table).splitlines()[-1] == "... and 2 more photos"
    assert table.num_photos == MOST_ROWS + 2
    assert table.num_empty == 1
    assert table.num_detections == MOST_ROWS + 2
    assert table.totals() == f"{MOST_ROWS + 1} cat, 1 dog"


def test_crowd_is_cut_to_its_most_confident():
    table = PredictionTable()
    assert table.totals() == "nothing"
    table.add("a", (4, 4), found(*["cell"] * 12))
    assert str(table).endswith("and 7 more")
    assert str(table).count("cell") == 5
