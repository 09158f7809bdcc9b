"""The short form of `make kill`, and proof that it would notice a defect."""

import json
import shutil
import signal
import subprocess

import numpy as np
import pytest
from PIL import Image

from tests import tiny
from tests.killing import trial as killing
from tests.killing.__main__ import format_table, kill_commands
from tests.killing.results import differences, half_written, leftovers


@pytest.mark.slow
def test_a_killed_evaluation_ends_as_one_that_lives(tmp_path):
    trials = []
    kill_commands(tmp_path, ["evaluate"], num_kills=2, seed=0, trials=trials)
    assert len(trials[0].moments) == 2 and trials[0].num_chains
    assert trials[0].failures == [], format_table(trials)


@pytest.fixture
def results(tmp_path):
    """A folder of every kind of file that commands write."""
    folder = tmp_path / "results"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "manifest.json").write_text('{"seed": 0, "started": "today"}')
    (folder / "metrics.jsonl").write_text('{"loss": 1.5, "seconds": 2.0}\n')
    (folder / "report.html").write_text("<html>report</html>\n")
    Image.fromarray(tiny.draw_photos(1)[0]).save(folder / "views.png")
    np.savez(folder / "checkpoints" / "best_00001.npz", np.ones(3), np.nan)
    tiny.save_backbone(folder / "backbone.keras")
    np.savez(folder / "checkpoints" / "epoch_00001.npz", np.ones((2, 3), "float32"))
    return folder


@pytest.fixture
def others(results, tmp_path):
    """A copy of it."""
    return shutil.copytree(results, tmp_path / "others")


def test_equal_results_differ_by_the_clock_alone(results, others):
    (others / "manifest.json").write_text('{"seed": 0, "started": "tomorrow"}')
    (others / "metrics.jsonl").write_text('{"loss": 1.5, "seconds": 3.0}\n')
    (others / ".unfinished-1.png").write_text("half")
    np.savez(others / "checkpoints" / "epoch_00000.npz", np.zeros(3))
    assert differences(others, results, []) == []


def change_weight(path):
    weights = np.ones((2, 3), "float32")
    weights[0, 0] = np.nextafter(np.float32(1), 2)
    np.savez(path, weights)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("checkpoints/epoch_00001.npz", change_weight),
        ("checkpoints/best_00001.npz", lambda path: np.savez(path, np.ones(3), 0.0)),
        ("backbone.keras", lambda path: tiny.save_backbone(path, seed=1)),
        ("metrics.jsonl", lambda path: path.write_text('{"loss": 1.6}\n')),
        ("report.html", lambda path: path.write_text("<html></html>")),
        ("views.png", lambda path: Image.new("RGB", (40, 40)).save(path)),
    ],
)
def test_every_other_difference_is_named(results, others, name, change):
    change(others / name)
    assert differences(others, results, []) == [f"{name} differs"]
    (others / name).unlink()
    assert differences(others, results, []) == [f"{name} is missing"]
    assert differences(results, others, []) == [f"{name} is left over"]


def test_half_of_a_file_is_noticed_under_a_final_name_only(results):
    names = [path for path in results.rglob("*") if path.is_file()]
    for path in names:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        (text,) = half_written(results)
        assert text.startswith(f"{path.relative_to(results)} is half written")
        temporary = path.rename(path.with_name(f".unfinished-{path.name}"))
        assert half_written(results) == []
        temporary.unlink()
        path.write_bytes(content)


def test_temporary_files_of_finished_commands_are_noticed(results):
    (results / "checkpoints" / ".unfinished-1.npz").touch()
    assert len(leftovers(results)) == 1


def make_command(repairs, forgets=False):
    """What stands for a command that writes two files, the second half when killed."""

    def run(command, folder, kill_after=None):
        out = folder / "out"
        seen = out.exists()
        (out / "checkpoints").mkdir(parents=True, exist_ok=True)
        (out / "manifest.json").write_text("{}")
        np.savez(out / "checkpoints" / "epoch_00002.npz")
        killed = kill_after is not None
        if killed or not seen or repairs:
            (out / "metrics.json").write_text(json.dumps([1, 2])[: 3 if killed else 9])
        said = "" if forgets else "going on after epoch 2\n"
        status = -signal.SIGKILL if killed else 0
        return subprocess.CompletedProcess([], status, said, ""), 1.0

    return run


@pytest.mark.parametrize(
    ("repairs", "forgets", "words"),
    [
        (False, False, ["metrics.json is half written", "metrics.json is half"]),
        (True, True, ["metrics.json is half written", "it forgot the 2 epochs"]),
    ],
)
def test_a_command_that_writes_in_place_or_forgets_fails(
    tmp_path, monkeypatch, repairs, forgets, words
):
    monkeypatch.setattr(killing, "run", make_command(repairs, forgets))
    trial = killing.Trial("pretrain", tmp_path, np.random.default_rng(0))
    trial.kill(1)
    (texts,) = trial.failures
    for text, start in zip(texts, words, strict=False):
        assert text.startswith(start), texts
