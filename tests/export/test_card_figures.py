"""Figures on a model card: those that the exported artifact would have."""

import json

from ssl_voc.export.model_card import _answers, _figures
from ssl_voc.runs.finished_run import FinishedRun


def test_figures_of_other_weights_and_of_several_views_are_left_out(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"weights")
    finished = FinishedRun(tmp_path, {}, {})
    own = {"top1": 0.5, "model_sha256": finished.model_sha256, "protocol": {}}
    for name, changes in {
        "evaluation-val": {},
        "evaluation-old": {"model_sha256": "of another file"},
        "evaluation-val-tta": {"protocol": {"views": "4 views of each photo"}},
    }.items():
        (tmp_path / name).mkdir()
        text = json.dumps({**own, **changes})
        (tmp_path / name / "metrics.json").write_text(text)
    assert [*_figures(finished)] == ["evaluation-val"]


def test_answers_of_a_detector_tell_the_threshold_that_the_artifact_applies():
    found = {"score_threshold": 0.25, "max_detections": 7, "nms_iou_threshold": 0.6}
    told = _answers({"task": "detect", "detections": found})
    assert "score 0.25 or more" in told and "(n, 7, 4)" in told
    assert "0.25" not in _answers({"task": "localize", "detections": {}})
