"""What the task `detect` tells of its photos."""

import types

import numpy as np

from ssl_voc.tasks import TASKS
from ssl_voc.tasks.detect import median_sides

BOXES = np.array(
    [[(0, 0, 9, 30), (0, 0, 40, 60)], [(5, 5, 16, 14), (-1, -1, -1, -1)]], "float32"
)
CLASSES = np.array([[0, 1], [0, -1]])


def test_the_median_is_of_the_shorter_sides_of_each_class():
    sides = median_sides({"boxes": BOXES, "classes": CLASSES}, ("cell", "dish", "none"))
    assert sides == {"cell": 9.0, "dish": 40.0}


def test_a_class_that_is_small_for_the_size_is_named_with_a_better_size(capsys):
    pool = types.SimpleNamespace(
        targets={"boxes": BOXES, "classes": CLASSES},
        class_names=("cell", "dish"),
        image_size=160,
        max_boxes=2,
    )
    TASKS["detect"].describe(None, pool)
    (line,) = capsys.readouterr().out.splitlines()
    assert "cell" in line and "9 px" in line and "--image-size 288" in line


def test_pictures_are_all_mosaics_only_where_passes_and_steps_are_many():
    share = TASKS["detect"].mosaic_share
    assert [share(500, 8), share(4000, 1)] == [1.0, 1.0]
    assert [share(500, 7), share(499, 9)] == [0.5, 0.5]
    assert TASKS["localize"].mosaic_share(500, 8) is None
