"""A run's folder: who may start there, and what it holds."""

import dataclasses
import json
import subprocess
import sys
import time

import pytest

from ssl_voc.cli.config_file import read_config_file
from ssl_voc.cli.errors import BadInput, StoppedEarly
from ssl_voc.pretrain.config import PretrainConfig
from ssl_voc.runs import environment, run_folder, start_rules
from ssl_voc.runs.json_files import read_jsonl
from ssl_voc.runs.run_folder import RunFolder
from tests.runs.left_runs import Config, leave_run, refusal, start


def test_new_folder_holds_settings_and_what_ran_where(tmp_path):
    with start(tmp_path / "a" / "b") as run:
        assert run.path == tmp_path / "a" / "b"
        assert not run.resuming
        recorded = read_config_file(run.path / "config.yaml")
        manifest = json.loads((run.path / "manifest.json").read_text())
    # Where the run lies and whether it replaced another are no settings of it.
    settings = {"epochs": 3, "batch_size": 64, "data": ["photos"], "weights": None}
    assert recorded == {**settings, "seed": 7}
    assert (manifest["command"], manifest["seed"]) == ("pretrain", 7)
    keys = {"argv", "python", "platform", "packages", "git_commit", "started", "starts"}
    assert keys <= set(manifest)


def test_same_settings_resume_after_a_kill(tmp_path):
    leave_run(tmp_path / "run")
    left = ("run/.unfinished-a.json", "run/checkpoints/.unfinished-b.npz")
    for name in left:
        (tmp_path / name).write_bytes(b"half")
    with (tmp_path / "run" / "metrics.jsonl").open("a") as log:
        log.write('{"epoch": 3, "lo')
    with start(tmp_path / "run", out=tmp_path / "elsewhere") as run:
        assert run.resuming
        run.append_jsonl("metrics.jsonl", {"epoch": 3})
        epochs = [row["epoch"] for row in run.read_epochs()]
        assert epochs == [1, 2, 3]
        assert len(run.manifest["starts"]) == 2
        assert run.manifest["num_photos"] == 1550
    assert not any((tmp_path / name).exists() for name in left)


def test_setting_that_only_an_older_version_had_does_not_hinder(tmp_path):
    leave_run(tmp_path / "run")
    with (tmp_path / "run" / "config.yaml").open("a") as recorded:
        recorded.write("val_share: 0.15\n")
    assert "batch_size" in refusal(tmp_path / "run", batch_size=128)
    with start(tmp_path / "run") as run:
        assert run.resuming
        run.record_settings(Config())
        assert "val_share" not in read_config_file(run.path / "config.yaml")


def test_refusal_of_other_settings_names_the_way_to_go_on(tmp_path):
    leave_run(tmp_path / "run")
    said = refusal(tmp_path / "run", batch_size=128)
    assert f"64 there, 128 now. --resume {tmp_path / 'run'} goes on" in said


def test_patience_and_cache_may_change_but_not_whether_there_is_patience(tmp_path):
    leave_run(tmp_path, num_epochs=2)
    with (tmp_path / "config.yaml").open("a") as recorded:
        recorded.write("patience: 30\ncache: memory\n")
    settings = read_config_file(tmp_path / "config.yaml")

    def decide(**changes):
        settings_now = {**settings, **changes}
        return start_rules.decide(tmp_path, settings_now, "pretrain", overwrite=False)

    assert decide(patience=50, cache="none") is start_rules.Start.RESUME
    with pytest.raises(BadInput, match="patience 30 there, None now"):
        decide(patience=None)
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(BadInput, match="is finished. Give more --epochs"):
        decide()  # the same patience would end it again
    assert decide(patience=50) is start_rules.Start.RESUME
    assert decide(epochs=4) is start_rules.Start.RESUME


def test_run_that_was_finished_early_goes_on_to_the_epochs_it_had_planned(tmp_path):
    leave_run(tmp_path / "run", num_epochs=2, finished=True)
    with start(tmp_path / "run", epochs=3) as run:
        assert run.resuming


@pytest.mark.parametrize("epochs", [2, 9])
def test_other_number_of_epochs_resumes_an_unfinished_run(tmp_path, epochs):
    leave_run(tmp_path / "run", num_epochs=2)
    with start(tmp_path / "run", epochs=epochs) as run:
        assert run.resuming
        run.record_settings(Config(epochs=epochs))
        assert read_config_file(run.path / "config.yaml")["epochs"] == epochs


def test_photos_of_a_training_may_lie_elsewhere_those_of_an_evaluation_may_not(
    tmp_path,
):
    leave_run(tmp_path / "run")
    with start(tmp_path / "run", data=("moved",)) as run:
        assert run.resuming
    leave_run(tmp_path / "other", command="evaluate")
    said = refusal(tmp_path / "other", command="evaluate", data=("moved",))
    assert "data ['photos'] there, ['moved'] now" in said


@pytest.mark.parametrize(
    ("left", "begun", "words"),
    [
        ({}, {"epochs": 1}, ["--epochs", "2 epochs", "got 1"]),
        ({}, {"batch_size": 128}, ["batch_size 64 there, 128 now", "--overwrite"]),
        ({}, {"command": "finetune"}, ["what pretrain wrote", "not finetune"]),
        ({"num_epochs": 3, "finished": True}, {}, ["is finished", "more --epochs"]),
        ({"without_config": True}, {}, ["lost its config.yaml"]),
    ],
)
def test_run_that_cannot_go_on_is_refused(tmp_path, left, begun, words):
    leave_run(tmp_path / "run", **left)
    said = refusal(tmp_path / "run", **begun)
    assert all(word in said for word in words), said


def test_run_that_lacks_a_setting_is_not_sent_round_in_a_circle(tmp_path):
    leave_run(tmp_path / "run")
    file = tmp_path / "run" / "config.yaml"
    file.write_text(file.read_text().replace("seed:", "former_seed:"))
    said = refusal(tmp_path / "run")
    assert "no seed (but former_seed)" in said and "--overwrite" in said
    assert "goes on by its own" not in said
    assert "goes on by its own" in refusal_of_other_batch_size(tmp_path / "other")


def test_another_objective_is_no_other_version_but_a_lost_setting_is(tmp_path):
    simclr = PretrainConfig(data=("photos",), objective="simclr")
    byol = PretrainConfig(data=("photos",), objective="byol")
    with RunFolder.open(tmp_path, simclr, "pretrain") as run:
        run.record_settings(simclr)
        run.append_jsonl("metrics.jsonl", {"epoch": 1})
    with pytest.raises(BadInput, match="objective 'simclr' there") as raised:
        RunFolder.check(tmp_path, byol, "pretrain", overwrite=False)
    said = str(raised.value)
    assert f"--resume {tmp_path} goes on by its own" in said
    assert "version" not in said
    file = tmp_path / "config.yaml"
    file.write_text(file.read_text().replace("blur_rate:", "former_rate:"))
    with pytest.raises(BadInput, match=r"version .* no blur_rate \(but former_rate\):"):
        RunFolder.check(tmp_path, byol, "pretrain", overwrite=False)


def refusal_of_other_batch_size(folder):
    leave_run(folder)
    return refusal(folder, batch_size=128)


@pytest.mark.parametrize(
    ("command", "word"),
    [("evaluate", "evaluation"), ("inspect", "report"), ("predict", "prediction")],
)
def test_what_is_finished_is_called_by_its_name(tmp_path, command, word):
    leave_run(tmp_path, num_epochs=3, finished=True, command=command)
    for changes, told in ({}, "finished"), ({"batch_size": 128}, "other settings"):
        said = refusal(tmp_path, command=command, **changes)
        assert f"the {word} in {tmp_path}" in said and told in said


def test_finished_run_without_checkpoints_is_not_begun_anew_in_silence(tmp_path):
    leave_run(tmp_path, num_epochs=3, finished=True)
    (tmp_path / "checkpoints" / "epoch_00003.npz").unlink()
    assert "its checkpoints are gone" in refusal(tmp_path, epochs=5)


def test_run_goes_on_under_its_own_backend_alone(tmp_path, monkeypatch):
    def begin(backend, **arguments):
        for module in (start_rules, run_folder):
            monkeypatch.setattr(module, "current_backend", lambda: backend)
        compute = {"backend": backend} if backend else {}
        monkeypatch.setattr(run_folder, "describe_compute", lambda: compute)
        with start(tmp_path / "run", **arguments) as run:
            (run.path / "checkpoints").mkdir(exist_ok=True)
            return run.resuming, run.manifest["starts"]

    begin("jax")
    with pytest.raises(BadInput, match="began under the jax.*KERAS_BACKEND=jax"):
        begin("torch")
    resuming, starts = begin("jax")
    assert resuming
    assert [entry["backend"] for entry in starts] == ["jax", "jax"]
    expected = environment.describe_software()["packages"]
    assert [entry["packages"] for entry in starts] == [expected] * 2
    assert begin(None)[0], "commands without keras ask for no backend"
    assert not begin("torch", overwrite=True)[0]


def test_finished_run_goes_on_when_epochs_grew(tmp_path):
    leave_run(tmp_path / "run", num_epochs=3, finished=True)
    with start(tmp_path / "run", epochs=5) as run:
        assert run.resuming
        # Refused for its photos, it is what it was.
        assert read_config_file(run.path / "config.yaml")["epochs"] == 3
        assert (run.path / "summary.json").exists()
        assert "finished" in json.loads((run.path / "manifest.json").read_text())
        run.record_settings(Config(epochs=5))
        # Killed from here on, the run must not look finished.
        assert not (run.path / "summary.json").exists()
        assert "finished" not in json.loads((run.path / "manifest.json").read_text())
    with start(tmp_path / "run", epochs=5) as run:
        assert run.resuming


def test_leftovers_in_subfolders_are_removed_at_the_next_start(tmp_path):
    start(tmp_path / "run").close()
    (tmp_path / "run" / "pictures").mkdir()
    (tmp_path / "run" / "pictures" / ".unfinished-1.png").touch()
    start(tmp_path / "run").close()
    assert [*(tmp_path / "run").rglob(".unfinished-*")] == []


@pytest.mark.parametrize("text", ['{"program": "other"}', "[]", "{", "", None])
def test_folder_of_other_files_is_refused(tmp_path, text):
    name = "thesis.tex" if text is None else "manifest.json"
    (tmp_path / name).write_text(text or "")
    assert "holds no run of this program" in refusal(tmp_path)


def test_a_folder_that_macos_has_looked_at_is_empty(tmp_path):
    (tmp_path / ".DS_Store").touch()
    with start(tmp_path) as run:
        assert run.manifest["owns_folder"]


def test_folder_in_use_and_file_in_its_place_are_refused(tmp_path):
    with start(tmp_path / "run"):
        assert "another process is writing" in refusal(tmp_path / "run")
    start(tmp_path / "run").close()
    (tmp_path / "file").write_text("")
    assert "is a file" in refusal(tmp_path / "file")
    assert "cannot write" in refusal(tmp_path / "file" / "inner")


def test_summary_is_the_last_file_written(tmp_path, monkeypatch):
    written = []
    with start(tmp_path / "run") as run:
        write = run.write_json
        monkeypatch.setattr(
            run,
            "write_json",
            lambda name, value: (written.append(name), write(name, value)),
        )
        run.finish({"loss": float("nan")})
        assert "finished" in run.manifest
    assert written == ["manifest.json", "summary.json"]
    assert json.loads((tmp_path / "run" / "summary.json").read_text()) == {"loss": None}


WRITE_UNTIL_KILLED = """
import itertools, sys
from ssl_voc.runs.run_folder import RunFolder
import dataclasses
Config = dataclasses.make_dataclass("Config", [("epochs", int, 9)])
run = RunFolder.open(sys.argv[1], Config(), "pretrain")
for epoch in itertools.count(1):
    run.append_jsonl("metrics.jsonl", {"epoch": epoch, "text": "x" * 2000})
    run.update_manifest(epoch=epoch, text="y" * 20000)
    if epoch == 3:
        print("writing", flush=True)
"""


def test_kill_at_any_moment_leaves_whole_files(tmp_path):
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITE_UNTIL_KILLED, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout.readline() == "writing\n"
        time.sleep(0.01 + 0.007 * attempt)
        writer.kill()
        writer.communicate()
        config = dataclasses.make_dataclass("Config", [("epochs", int, 10**9)])
        with RunFolder.open(folder, config(), "pretrain") as run:
            assert run.resuming
            num_rows = len(read_jsonl(folder / "metrics.jsonl"))
            assert run.manifest["epoch"] in (num_rows, num_rows - 1)
            names = {path.name for path in folder.iterdir()}
        assert names == {".lock", "config.yaml", "manifest.json", "metrics.jsonl"}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('{"epoch": 3, "loss": 0.5}', "line 2: .*epoch 2, found"),
        ('{"loss": 0.5}', "line 2: "),
        ('{"epoch": true, "loss": 0.5}', "line 2: "),
        ('{"epoch": 2, "loss": "low"}', "line 2: .*low"),
        ("", "has 1 epochs, but a checkpoint is of epoch 2"),
    ],
)
def test_figures_that_no_training_wrote_are_named_with_their_line(
    tmp_path, line, names
):
    leave_run(tmp_path / "run", num_epochs=1)
    with start(tmp_path / "run") as run:
        run.append_jsonl("metrics.jsonl", {"epoch": 2, "loss": None})
        assert len(run.read_epochs(2)) == 2
        first = (run.path / "metrics.jsonl").read_text().splitlines()[0]
        (run.path / "metrics.jsonl").write_text(f"{first}\n{line}\n")
        with pytest.raises(BadInput, match=f"metrics.jsonl.*{names}"):
            run.read_epochs(2)


def test_damaged_settings_are_told_of_the_flag_that_names_their_run(tmp_path):
    leave_run(tmp_path)
    (tmp_path / "config.yaml").write_text("data: [a")
    assert refusal(tmp_path).startswith(f"--out: {tmp_path}/config.yaml is not valid")


def test_what_fails_before_it_has_a_result_leaves_no_folder(tmp_path):
    def fail(folder, error, begun=False):
        with pytest.raises(type(error)):
            with start(folder) as run:
                run.write_text("data_report.txt", "")
                (run.path / "baseline").mkdir()
                if begun:
                    run.record_settings(Config())
                raise error

    for error in (BadInput("no such split"), OSError("too many links")):
        fail(tmp_path / "runs" / "a", error)
        assert [*tmp_path.iterdir()] == []
    # Who was interrupted goes on by its settings.
    fail(tmp_path / "stopped", KeyboardInterrupt())
    fail(tmp_path / "early", StoppedEarly("lost the server"))
    fail(tmp_path / "begun", BadInput("photos are gone"), begun=True)
    for name in ("stopped", "early", "begun"):
        assert (tmp_path / name / "config.yaml").is_file(), name


def test_what_fails_takes_nothing_that_was_there_before(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(BadInput), start(tmp_path / "run"):
        raise BadInput("no such split")
    assert {path.name for path in (tmp_path / "run").iterdir()} <= {".lock"}
    (tmp_path / "run" / "notes.txt").write_text("precious")
    with pytest.raises(BadInput), start(tmp_path / "run", overwrite=True):
        raise BadInput("no such split")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        ".lock",
        "notes.txt",
    }
    leave_run(tmp_path / "left")
    with pytest.raises(BadInput), start(tmp_path / "left"):
        raise BadInput("photos are gone")
    assert (tmp_path / "left" / "checkpoints").is_dir(), "it goes on later"


def test_what_fails_takes_no_files_that_only_bear_the_names_of_its_own(tmp_path):
    names = {"my_photos.tsv", "backbone.keras", "notes.txt"}
    for name in names:
        (tmp_path / name).write_text("precious")
    with pytest.raises(BadInput), start(tmp_path, overwrite=True) as run:
        run.write_text("pool_photos.tsv", "")
        raise BadInput("no such split")
    assert {path.name for path in tmp_path.iterdir()} == {*names, ".lock"}


def test_what_fails_takes_no_run_that_began_below_it_in_the_meantime(tmp_path):
    with pytest.raises(BadInput), start(tmp_path / "runs"):
        leave_run(tmp_path / "runs" / "other", finished=True)
        raise BadInput("no such split")
    assert (tmp_path / "runs" / "other" / "summary.json").is_file()
    assert not (tmp_path / "runs" / "manifest.json").exists()


def test_what_fails_leaves_a_folder_that_an_earlier_start_left(tmp_path):
    start(tmp_path / "run").close()  # killed before its first epoch
    (tmp_path / "run" / "notes.txt").write_text("precious")
    with pytest.raises(BadInput), start(tmp_path / "run"):
        raise BadInput("no such split")
    assert (tmp_path / "run" / "notes.txt").is_file()
    with start(tmp_path / "run") as run:  # the mistake mended
        assert not run.resuming
