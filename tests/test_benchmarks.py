"""The arithmetic of the benchmark, and its worker processes."""

import sys
from types import SimpleNamespace

import pytest

from benchmarks import pretraining
from benchmarks.figures import summarize
from benchmarks.worker import Worker, WorkerFailed


def turn(seconds, waited=0.0):
    return {"seconds": seconds, "waited": waited, "cpu_seconds": 2 * seconds}


def test_figures_follow_from_the_times_of_the_rounds():
    results = {
        "prepare": {"seconds": 2.0, "num_photos": 320},
        "steps": 5,
        "rounds": [
            {"kept": turn(4.0, 0.2), "peer": turn(8.0), "ready_views": turn(3.8)},
            {"kept": turn(5.0, 0.0), "peer": turn(8.0), "ready_views": turn(4.5)},
            {"kept": turn(4.0, 0.4), "peer": turn(6.0), "ready_views": turn(4.0)},
        ],
    }
    figures = summarize(results, SimpleNamespace(batch_size=64))["figures"]
    # 5 steps of 64 pairs in 4, 5 and 4 seconds.
    assert figures["pairs_per_second_kept"] == {"median": 80, "low": 64, "high": 80}
    assert figures["pairs_per_second_peer"]["median"] == 40
    # Round by round: 8 / 4, 8 / 5, 6 / 4.
    assert figures["ratio_kept"] == pytest.approx(
        {"median": 1.6, "low": 1.5, "high": 2.0}
    )
    # 320 photos: 2 seconds of decoding and 4 of training.
    assert figures["pairs_per_second_first_epoch"]["median"] == pytest.approx(320 / 6)
    assert figures["augmentation_share"]["median"] == pytest.approx(0.05)
    assert figures["data_wait_share_kept"]["high"] == pytest.approx(0.1)


def test_worker_answers_and_reports_its_end():
    worker = Worker(sys.executable, "tests.echo_worker", {"word": "hello"})
    try:
        assert worker.ask("repeat", times=2) == "hellohello"
        with pytest.raises(WorkerFailed, match="ValueError: out of words"):
            worker.ask("fail")
    finally:
        worker.close()


def test_python_of_the_peer_is_found_from_where_the_command_was_given(
    tmp_path, monkeypatch, capsys
):
    python = tmp_path / "peer" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)
    options = pretraining._parse("--data . --peer-python peer/bin/python".split())
    # The link itself: behind it is a Python without the peer's packages.
    assert options.peer_python == str(python)
    with pytest.raises(SystemExit):
        pretraining._parse("--data . --peer-python peer/bin/none".split())
    assert "peer/bin/none is no program" in capsys.readouterr().err
