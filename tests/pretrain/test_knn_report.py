"""k-NN accuracy before and after a pretraining, compared query by query."""

import json
import types

import numpy as np
import pytest

from ssl_voc.metrics import paired_bootstrap
from ssl_voc.pretrain import knn_report
from ssl_voc.runs.run_folder import RunFolder

BEFORE = np.array([0, 0, 1, 0, 1, 0, 0, 1, 0, 0], bool)
AFTER = np.array([1, 0, 1, 1, 1, 0, 1, 1, 0, 1], bool)


def probe_of(measured, hits=None):
    return types.SimpleNamespace(
        num_queries=10,
        majority_share=0.4,
        hits=hits,
        measure_hits=lambda: measured,
    )


@pytest.fixture
def run(tmp_path):
    run = RunFolder(tmp_path, None, resuming=False, manifest={})
    knn_report.record_untrained(run, probe_of(BEFORE))
    return run


def test_gain_is_the_paired_difference_of_the_queries(run):
    summary = knn_report.summarize(run, probe_of(None, hits=(7, AFTER)), epoch=7)
    assert summary["knn_top1"] == 0.7
    assert summary["knn_top1_untrained"] == 0.3
    expected = paired_bootstrap(AFTER, BEFORE)
    assert summary["knn_top1_gain"] == pytest.approx(0.4)
    assert summary["knn_top1_gain_ci"] == [expected.low, expected.high]
    # No query was lost: pairing knows it, two intervals side by side do not.
    assert expected.low >= 0.1
    stored = json.loads((run.path / "knn_hits.json").read_text())
    assert stored == {"untrained": BEFORE.tolist(), "trained": AFTER.tolist()}
    (_, line), (heading, gain) = knn_report.describe(summary)
    assert line.startswith("0.700 [") and "start 0.300" in line
    assert heading == "k-NN gain" and gain.startswith("+0.400 [+0.1")


@pytest.mark.parametrize("hits", [None, (6, BEFORE)])
def test_weights_of_another_epoch_are_measured_again(run, hits):
    summary = knn_report.summarize(run, probe_of(AFTER, hits), epoch=7)
    assert summary["knn_top1"] == 0.7


def test_hits_on_other_queries_are_not_compared(run):
    run.write_json("knn_hits.json", {"untrained": [0, 1]})
    summary = knn_report.summarize(run, probe_of(AFTER), epoch=7)
    assert "knn_top1_gain" not in summary and summary["knn_top1"] == 0.7


def test_labels_that_appear_while_a_run_rests_give_no_gain(tmp_path):
    run = RunFolder(tmp_path, None, resuming=True, manifest={})
    summary = knn_report.summarize(run, probe_of(AFTER), epoch=7)
    assert summary["knn_top1"] == 0.7
    assert "knn_top1_untrained" not in summary and "knn_top1_gain" not in summary
    ((_, line),) = knn_report.describe(summary)
    assert "start" not in line and "majority class 0.400" in line


def test_without_queries_nothing_is_summarized(run):
    probe = types.SimpleNamespace(num_queries=0)
    assert knn_report.summarize(run, probe, epoch=7) == {}
    assert knn_report.describe({}) == []
