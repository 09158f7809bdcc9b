"""The arithmetic of comparing two detectors by their evaluations."""

import json

import pytest

from benchmarks import compare_detectors
from ssl_voc.evaluate.detection.records import image_rows
from ssl_voc.metrics import score_matches
from ssl_voc.runs.json_files import to_json
from tests.evaluate.detection.cases import NAMES, random_case


def write_evaluation(folder, found, coco_ap):
    """What `compare` reads of an evaluation."""
    folder.mkdir()
    rows = "".join(to_json(row) + "\n" for row in image_rows(found, 0.5))
    (folder / "images.jsonl").write_text(rows)
    metrics = {"class_names": list(NAMES)}
    for protocol in ("voc07", "voc10"):
        metrics[f"{protocol}_ap50"] = score_matches(found.matches, protocol).mean
    for name in compare_detectors.COCO:
        metrics[name] = coco_ap
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setattr(compare_detectors, "NUM_RESAMPLES", 100)
    found = random_case(seed=0)
    return [
        write_evaluation(tmp_path / "ours", found, 0.4),
        write_evaluation(tmp_path / "again", found, 0.2),
    ]


def test_equal_detections_differ_by_nothing(folders):
    report = compare_detectors.compare(folders[:1], folders[1:])
    figure = report["figures"]["voc07_ap50"]
    assert figure["ours"] == figure["theirs"] > 0
    assert figure["difference"] == 0 and figure["ci"] == [0, 0]
    assert report["num_images"] == 60


def test_seeds_of_a_side_are_averaged(folders):
    figure = compare_detectors.compare(folders, folders[:1])["figures"]["coco_ap"]
    assert figure == pytest.approx({"ours": 0.3, "theirs": 0.4})


def test_evaluations_of_other_photos_are_refused(folders):
    path = folders[1] / "images.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(SystemExit, match="is of other photos than"):
        compare_detectors.compare(folders[:1], folders[1:])
