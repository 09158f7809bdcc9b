"""Matches of photos, read back from what `evaluate` wrote of each."""

import numpy as np
import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate.detection.image_matches import read_image_matches
from ssl_voc.metrics import score_matches
from tests.evaluate.detection.cases import NAMES, random_case
from tests.evaluate.evaluation_folders import write_detections


def test_rows_of_images_give_the_same_figures(tmp_path):
    found = random_case(seed=0)
    keys, matches = read_image_matches(write_detections(tmp_path / "run", found), NAMES)
    assert keys == [("set", f"p{number}") for number in range(60)]
    for protocol in ("voc07", "voc10"):
        np.testing.assert_array_equal(
            score_matches(matches, protocol).per_class,
            score_matches(found.matches, protocol).per_class,
        )


def test_rows_of_other_classes_or_tasks_are_refused(tmp_path):
    folder = write_detections(tmp_path / "run", random_case(seed=0))
    with pytest.raises(BadInput, match="images.jsonl: expected .* classes fox"):
        read_image_matches(folder, ["fox"])
    (folder / "images.jsonl").write_text('{"image_id": "p", "class": "cat"}\n')
    with pytest.raises(BadInput, match="of task detect"):
        read_image_matches(folder, NAMES)
