"""A whole study of tiny networks: killed once, it ends as one that was not."""

import json
import os
import subprocess
import sys
import time

import pytest

from tests import tiny
from tests.interpreters import REPOSITORY

TIMES = {"seconds", "training_seconds", "minutes", "settings", "commands"}


def start(place, out):
    words = [sys.executable, "-m", "ssl_voc.study", "--data", "voc", "--out", out]
    words += ["--arm", "random", "--arm", "ssl=ssl:voc", "--backbone", "tiny.keras"]
    words += ["--image-size", "32", "--batch-size", "16", "--epochs", "3"]
    words += ["--labels", "100%", "--seeds", "1", "--learning-rate", "0.05"]
    words += ["--samples-seen", "180"]
    words += ["--pretrain", "--image-size 32 --batch-size 16 --deterministic"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        [*words, "--finetune=--deterministic", "--no-explain"],
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def without_times(value):
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in TIMES}
        return {key: without_times(item) for key, item in kept.items()}
    return [without_times(v) for v in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_study_killed_in_a_training_ends_with_the_results_of_one_that_was_not(
    tmp_path,
):
    tiny.write_voc(tmp_path / "voc", 36, 12)
    tiny.save_backbone(tmp_path / "tiny.keras")
    child = start(tmp_path, "whole")
    printed, _ = child.communicate(timeout=1200)
    assert child.returncode == 0, printed
    child = start(tmp_path, "killed")
    limit = time.monotonic() + 600
    while not list((tmp_path / "killed").glob("cells/fine-tune-*/run/metrics.jsonl")):
        assert time.monotonic() < limit and child.poll() is None
        time.sleep(0.05)
    child.kill()
    child.communicate()
    child = start(tmp_path, "killed")
    printed, _ = child.communicate(timeout=1200)
    assert child.returncode == 0, printed
    reports = [
        json.loads((tmp_path / out / "report.json").read_text())
        for out in ("whole", "killed")
    ]
    assert without_times(reports[0]) == without_times(reports[1])
    (seen,) = [row for row in reports[0]["exposure"] if not row["labelled"]]
    assert (seen["num_photos"], seen["of_reported"]) == (36, 12)
    assert len(reports[0]["figures"]) == 2 * 4
