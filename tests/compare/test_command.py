"""`compare`: two models by their evaluations."""

import json

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.compare import CompareConfig, compare, main
from ssl_voc.evaluate import scores
from ssl_voc.metrics import score_matches
from tests.evaluate.detection.cases import random_case
from tests.evaluate.evaluation_folders import (
    report_leaks,
    write_detections,
    write_evaluation,
)

COCO = {"coco_ap": 0.4, "coco_ap75": 0.3}


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(scores, "NUM_RESAMPLES", 100)


@pytest.fixture
def folders(tmp_path):
    """A good and a bad detector."""
    found = random_case(seed=0)
    return [
        write_detections(
            tmp_path / name / "evaluation-val", found, number, task="detect", **COCO
        )
        for name, number in (("good", 0), ("bad", 30))
    ]


def test_detectors_are_compared_photo_by_photo(folders, tmp_path, capsys):
    out = tmp_path / "comparison.json"
    good, bad = folders
    report = compare(CompareConfig(evaluations=(good,), baseline=(bad,), out=out))
    assert json.loads(out.read_text()) == report
    assert report["num_images"] == 60
    row = report["measures"]["voc10_ap50"]
    assert row["mean"] == score_matches(random_case(seed=0).matches, "voc10").mean
    assert row["difference"] == pytest.approx(row["mean"] - row["baseline"])
    low, high = row["ci"]
    assert 0 < low < row["difference"] < high
    assert report["measures"]["coco_ap"]["difference"] == 0.0
    printed = capsys.readouterr().out
    assert f"{row['difference']:+.3f} [{low:+.3f}, {high:+.3f}]\n" in printed
    assert "60 photos, one run a side" in printed


def test_equal_models_differ_by_nothing_and_runs_stand_for_their_evaluation(
    folders, capsys
):
    run = folders[0].parent
    report = compare(CompareConfig(evaluations=(run,), baseline=(folders[0],)))
    row = report["measures"]["voc07_ap50"]
    assert row["difference"] == 0.0 and row["ci"] == [0.0, 0.0]
    assert capsys.readouterr().out.count("not shown") == 2


def test_photos_are_paired_by_name_and_what_one_side_lacks_is_left_out(folders):
    good, bad = folders
    (good.parent / "explanation-val").mkdir()
    (good.parent / "explanation-val" / "metrics.json").write_text("{}")
    settings = {"evaluations": (good.parent,), "baseline": (bad,)}
    expected = compare(CompareConfig(**settings))["measures"]
    rows = (bad / "images.jsonl").read_text().splitlines(keepends=True)
    (bad / "images.jsonl").write_text("".join(reversed(rows)))
    metrics = json.loads((bad / "metrics.json").read_text())
    (bad / "metrics.json").write_text(json.dumps(metrics | {"coco_ap": None}))
    found = compare(CompareConfig(**settings))["measures"]
    assert found.keys() == expected.keys() - {"coco_ap"}
    assert found["voc10_ap50"] == expected["voc10_ap50"]


def test_photos_that_one_side_saw_with_labels_are_left_out(folders):
    report_leaks(folders[1], [0, 1, 2])
    good, bad = folders
    report = compare(CompareConfig(evaluations=(good,), baseline=(bad,)))
    assert report["num_images"] == 57
    # COCO AP is of all 60, there is no other.
    assert [*report["measures"]] == ["voc10_ap50", "voc07_ap50"]


def test_localizers_are_compared_seed_by_seed(tmp_path, capsys):
    def write(name, iou):
        rows = [
            {
                "source": "set",
                "image_id": f"p{number}",
                "top1": 1.0,
                "mean_iou": iou + 0.001 * (number % 3),
                "loc_acc_50": float(iou > 0.5),
                "loc_acc_70": 0.0,
            }
            for number in range(20)
        ]
        facts = {"task": "localize", "class_names": ["cat"]}
        return write_evaluation(tmp_path / name, rows, **facts)

    ours = write("a", 0.6), write("b", 0.7)
    theirs = write("c", 0.5), write("d", 0.6)
    report = compare(CompareConfig(evaluations=ours, baseline=theirs))
    assert "top1" not in report["measures"]  # of one class
    assert report["measures"]["mean_iou"]["difference"] == pytest.approx(0.1)
    assert "2 seeds a side" in capsys.readouterr().out
    with pytest.raises(BadInput, match="--baseline: .* 2 evaluations against 1"):
        compare(CompareConfig(evaluations=ours, baseline=theirs[:1]))


def test_what_cannot_be_compared_is_refused_in_one_line(folders, tmp_path, capsys):
    good, bad = folders
    photos = [{"source": "set", "image_id": "other", "top1": 1.0}]
    other = write_evaluation(tmp_path / "other", photos, task="localize")
    (tmp_path / "empty").mkdir()
    folder = good.parent / "evaluation-test"
    write_detections(folder, random_case(seed=0), task="detect")

    def refusal(baseline):
        assert main([str(good), "--baseline", str(baseline)]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        return said

    assert "different tasks, detect and localize" in refusal(other)
    assert "empty holds no evaluation: run evaluate first" in refusal(
        tmp_path / "empty"
    )
    assert "evaluation-test, evaluation-val. Name one" in refusal(good.parent)
    (bad / "images.jsonl").write_text(json.dumps(photos[0]) + "\n")
    assert "no photo in common" in refusal(bad)
    (bad / "images.jsonl").unlink()
    assert "bad/evaluation-val holds no evaluation of a run" in refusal(bad)
