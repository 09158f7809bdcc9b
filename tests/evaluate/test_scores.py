"""Scores of detectors, read back from what `evaluate` wrote of each photo."""

import json

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate import scores
from ssl_voc.evaluate.scores import DetectorScores, common_photos
from ssl_voc.metrics import score_matches
from tests.evaluate.detection.cases import random_case
from tests.evaluate.evaluation_folders import report_leaks, write_detections


@pytest.fixture
def evaluations(tmp_path, monkeypatch):
    """Folders of two seeds, of the same photos and objects."""
    monkeypatch.setattr(scores, "NUM_RESAMPLES", 50)
    found = random_case(seed=0)
    return {
        seed: write_detections(tmp_path / str(seed), found, num_empty=30 * seed)
        for seed in (0, 1)
    }


def test_average_precision_is_that_of_the_matches_and_the_mean_of_seeds(evaluations):
    found = DetectorScores(evaluations, common_photos([*evaluations.values()]))
    first, second = found.by_seed("voc10_ap50")
    assert first == score_matches(random_case(seed=0).matches, "voc10").mean > second
    interval = found.interval("voc10_ap50")
    assert interval.mean == pytest.approx((first + second) / 2)
    assert interval.low < interval.mean < interval.high
    assert found.num_images == interval.num_images == 60


def test_photos_that_one_run_saw_with_labels_are_left_out_of_all(evaluations):
    every = common_photos([*evaluations.values()])
    report_leaks(evaluations[0], [3], labelled=False)
    assert common_photos([*evaluations.values()]) == every
    report_leaks(evaluations[0], [3])
    report_leaks(evaluations[1], [7])
    rows = (evaluations[0] / "images.jsonl").read_text().splitlines()
    gone = {(r["source"], r["image_id"]) for r in (json.loads(rows[i]) for i in (3, 7))}
    assert {*every} - {*common_photos([*evaluations.values()])} == gone
    report_leaks(evaluations[1], range(60))
    with pytest.raises(BadInput, match="no photo in common"):
        common_photos([*evaluations.values()])


def test_difference_is_of_the_seeds_that_both_have(evaluations):
    kept = common_photos([*evaluations.values()])
    both, one = (
        DetectorScores(part, kept) for part in (evaluations, {1: evaluations[1]})
    )
    same = both.difference(one, "voc07_ap50")
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)
    better = DetectorScores({1: evaluations[0]}, kept).difference(one, "voc07_ap50")
    assert better.mean > 0 and better.low >= 0
