"""Figures on a model card: those that the exported artifact would have."""

import json

from ssl_voc.export.model_card import _answers, _figures, _figures_text
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


def test_the_card_tells_false_alarms_and_from_which_confidence_precision_is(tmp_path):
    row = {"num_false": 6, "per_photo": 0.3, "per_photo_ci": [0.1, 0.55]}
    empty = {"num_images": 20, "split": None, "false_alarms": {"0.5": row}}
    full = {"precision": 0.875, "precision_ci": [0.8, 0.95], "threshold": 0.45}
    full["split"] = "test"
    for name, metrics in {"evaluation-empty": empty, "evaluation-test": full}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(json.dumps(metrics))
    (tmp_path / "model.keras").write_bytes(b"weights")
    text = _figures_text(_figures(FinishedRun(tmp_path, {}, {})))
    alarms = "| false alarms a photo | 0.300 | 0.100 to 0.550 | on photos that show no"
    assert alarms in text and "confidence 0.5 or more" in text
    assert "| 0.800 to 0.950 | of boxes of confidence 0.45 or more |" in text
