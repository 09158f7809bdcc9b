"""Benchmark of serving: its arithmetic and one small run."""

import json
from types import SimpleNamespace

import pytest

from benchmarks import serving


def test_figures_follow_from_the_seconds():
    seconds = {
        # 100 requests of 10 ms but for two of 30 ms: the 99th percentile lies there.
        "single": [0.010] * 98 + [0.030] * 2,
        "batch": [0.2, 0.1, 0.4],
        "detections": 7,
    }
    figures = serving.summarize(SimpleNamespace(batch_size=16), seconds)
    assert figures["p50_ms"] == pytest.approx(10)
    assert figures["p99_ms"] == pytest.approx(30)
    assert figures["photos_per_second"] == pytest.approx(16 / 0.2)


@pytest.mark.slow
def test_all_artifacts_answer_and_are_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.delitem(serving.OURS, "ours_wide")
    flags = "--backbone EfficientNetB0 --image-size 64 --requests 2 --batches 1"
    out = tmp_path / "results" / "speed.json"
    serving.main([*flags.split(), "--rounds=1", "--batch-size=2", f"--out={out}"])
    written = json.loads(out.read_text())
    assert [*written["models"]] == ["ours", "keras_cv"]
    for name, row in written["models"].items():
        assert row["p99_ms"] >= row["p50_ms"] > 0, name
        assert row["num_operations"] > 1000 and row["detections_of_a_batch"] > 0, name
        assert len(written["seconds"][name]["single"]) == 2
    assert capsys.readouterr().out.count("photos/s") == 2
