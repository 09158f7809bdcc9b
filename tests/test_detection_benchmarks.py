"""The arithmetic of the benchmark of detection metrics, and a small run of it."""

import json

import numpy as np
import pytest

from benchmarks import detection_metrics


def test_figures_follow_from_the_times_of_the_rounds():
    rounds = [
        {"voc": 1.0, "coco": 3.0, "pycocotools": 20.0},
        {"voc": 1.0, "coco": 4.0, "pycocotools": 20.0},
        {"voc": 2.0, "coco": 3.0, "pycocotools": 30.0},
    ]
    figures = detection_metrics.summarize(rounds)
    # Round by round: 20 / 4, 20 / 5, 30 / 5.
    assert figures["ratio"] == {"median": 5.0, "low": 4.0, "high": 6.0}
    assert figures["seconds"]["ours"] == {"median": 5.0, "low": 4.0, "high": 5.0}
    assert figures["seconds"]["coco"] == {"median": 3.0, "low": 3.0, "high": 4.0}


@pytest.mark.slow
def test_a_small_run_compares_the_same_figures(tmp_path, capsys):
    out = tmp_path / "speed.json"
    detection_metrics.main(f"--images 40 --classes 3 --rounds 2 --out {out}".split())
    report = json.loads(out.read_text())
    assert report["largest_difference"] < 1e-6
    assert len(report["rounds"]) == 2
    for seconds in report["rounds"]:
        assert set(seconds) == {"voc", "coco", "pycocotools"}
        assert min(seconds.values()) > 0
    # A detector that is neither blind nor perfect: figures that could differ.
    assert 0.05 < report["figures"]["voc07_ap50"] < 0.95
    assert 0.05 < report["figures"]["coco_ap"] < report["figures"]["coco_ap50"] < 0.95
    # Up to 14 objects, 7 on average, and up to 100 detections, 50 on average.
    assert report["num_objects"] / 40 == pytest.approx(7, abs=3)
    assert report["num_detections"] / 40 == pytest.approx(50, abs=15)
    printed = capsys.readouterr().out
    assert "pycocotools over ours" in printed
    assert "40 images x 3 classes" in printed


@pytest.mark.slow
def test_a_wrong_figure_would_show(monkeypatch, tmp_path):
    evaluate = detection_metrics.evaluate_ours

    def evaluate_wrongly(*arguments):
        figures, seconds = evaluate(*arguments)
        return {**figures, "coco_ar_large": figures["coco_ar_large"] + 0.25}, seconds

    jobs = (evaluate_wrongly, detection_metrics.evaluate_pycocotools)
    monkeypatch.setattr(detection_metrics, "JOBS", jobs)
    out = tmp_path / "speed.json"
    detection_metrics.main(f"--images 10 --classes 2 --rounds 1 --out {out}".split())
    assert np.isclose(json.loads(out.read_text())["largest_difference"], 0.25)


def test_impossible_sizes_are_refused(capsys):
    with pytest.raises(SystemExit):
        detection_metrics.main(["--images", "0"])
    assert "--images: expected 1 or more; got 0" in capsys.readouterr().err
