"""What `ssl_voc.evaluate` knows before it loads anything."""

import os
import subprocess
import sys

import pytest

import pipelines
from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate import EvaluateConfig, evaluate
from ssl_voc.evaluate import main as evaluate_main
from ssl_voc.evaluate.run import EvaluationRun
from ssl_voc.evaluate.tasks import evaluation_of
from ssl_voc.explain import main as explain_main
from ssl_voc.export import main as export_main
from ssl_voc.runs.finished_run import read_finished_run
from ssl_voc.tasks import TASKS
from tests.evaluate.oracle import record, write_records, write_tree
from tests.interpreters import REPOSITORY


def test_mistaken_run_is_told_without_waiting_for_a_framework(tmp_path):
    script = (
        "import sys\n"
        "from ssl_voc import evaluate\n"
        f"assert evaluate.main([{str(tmp_path / 'no')!r}]) == 2\n"
        "sys.exit(' '.join({'keras', 'tensorflow'} & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("error: RUN: ") and "does not exist" in done.stderr


def test_every_task_has_its_evaluation():
    for task in TASKS.values():
        evaluation = evaluation_of(task)
        assert issubclass(evaluation, EvaluationRun) and evaluation.main_measure


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ({"split": "val"}, "evaluation-val"),
        ({"split": "test[:50%]"}, "evaluation-test_50_"),
        ({"data": ("photos/other.json",)}, "evaluation-other"),
        ({"split": "val", "tta": True}, "evaluation-val-tta"),
    ],
)
def test_default_folder_is_named_after_the_photos(tmp_path, flags, name):
    run = write_records(tmp_path / "run", "photos")
    resolved = EvaluateConfig(run=run, **flags).resolved(read_finished_run(run))
    assert resolved.out == run / name


@pytest.mark.parametrize(
    ("flags", "takes"),
    [
        ({}, True),
        ({"data": ("photos/", "~/others")}, True),
        ({"data": ("others", "photos")}, True),
        ({"data": ("photos",)}, False),
        ({"data": ("moved",)}, False),
        ({"data": ("moved",), "split": "held-out"}, True),
        ({"split": "all"}, False),
    ],
)
def test_photos_that_were_held_out_are_known_however_the_data_is_spelled(
    tmp_path, monkeypatch, flags, takes
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    run = write_records(tmp_path / "run", "photos\n- others")
    finished = read_finished_run(run)
    config = EvaluateConfig(run=run, **flags)
    assert not config.resolved(finished).evaluates_held_out(finished)
    (run / "held_out_photos.tsv").touch()
    resolved = config.resolved(finished)
    assert resolved.evaluates_held_out(finished) == takes
    assert (resolved.out == run / "evaluation-held-out") == takes
    if takes and not config.split:
        assert resolved.data == ("photos", "others")


@pytest.mark.parametrize(
    ("missing", "changes", "named"),
    [
        ("summary.json", {}, "not finished.*summary.json"),
        ("manifest.json", {}, "no run of this program"),
        (None, {"command": "pretrain"}, "what pretrain wrote"),
        (None, {"task": "count"}, "'count'.*localize, detect"),
    ],
)
def test_run_that_is_no_finished_finetuning_is_refused(
    tmp_path, missing, changes, named
):
    run = write_records(tmp_path / "run", "photos", **changes)
    if missing:
        (run / missing).unlink()
    with pytest.raises(BadInput, match=f"^RUN: .*{named}"):
        evaluate(EvaluateConfig(run=run, split="val"))


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"data": ("/no/such/tree",)}, "^--data: /no/such/tree"),
        ({}, "^--split: .*one of: val\\. .*learned from 'train'"),
        ({"split": "test"}, "no split 'test'"),
        ({"data": ("/no/such/tree",), "split": "val"}, "/no/such/tree"),
        ({"split": "val", "out": "RUN", "overwrite": True}, "^--out: .*the run"),
        ({"out": "RUN", "overwrite": True}, "^--out: .*the run"),
        ({"split": "val", "out": "RUN/..", "overwrite": True}, "^--out: .*the run"),
    ],
)
def test_photos_and_folders_that_do_not_do_are_refused_and_harm_no_run(
    tmp_path, tree, flags, named
):
    run = write_records(tmp_path / "run", tree)
    before = {path.name for path in run.iterdir()}
    if "out" in flags:
        flags = {**flags, "out": type(run)(flags["out"].replace("RUN", str(run)))}
    with pytest.raises(BadInput, match=named):
        evaluate(EvaluateConfig(run=run, **flags))
    after = {path.name for path in run.iterdir()}
    assert {name for name in after if not name.startswith("evaluation-")} == before


def test_a_run_that_learned_from_all_splits_asks_for_other_photos(tmp_path, tree):
    run = write_records(tmp_path / "run", tree)
    with open(run / "config.yaml", "a") as file:
        file.write("train_split: trainval\n")
    with pytest.raises(BadInput, match="^--data: .*'trainval'.* --data") as raised:
        evaluate(EvaluateConfig(run=run))
    assert "one of" not in str(raised.value)


def test_of_several_sources_the_splits_of_all_are_named_else_those_of_one(
    tmp_path, tree
):
    other = write_tree(tmp_path / "other")
    run = write_records(tmp_path / "run", f"{tree}\n- {other}")
    with pytest.raises(BadInput, match=rf"^--split: .*{other} .*one of: val\."):
        evaluate(EvaluateConfig(run=run))
    lists = tree / "ImageSets" / "Main"
    (lists / "val.txt").rename(lists / "test.txt")
    with pytest.raises(BadInput, match=rf"^--split: .*--data {tree}, which has test"):
        evaluate(EvaluateConfig(run=run))


def test_data_without_splits_that_was_learned_asks_for_other_photos(tmp_path, tree):
    photos = tree / "JPEGImages"
    assert len(pipelines.splits(str(photos))) < 2
    run = write_records(tmp_path / "run", photos)
    with pytest.raises(BadInput, match="^--data: .* no splits"):
        evaluate(EvaluateConfig(run=run))


@pytest.mark.parametrize("data", [None, "moved"])
@pytest.mark.parametrize("command", [evaluate_main, explain_main, export_main])
def test_split_of_what_nobody_has_split_names_the_photos_that_were_held_out(
    tmp_path, capsys, command, data
):
    tree = write_tree(tmp_path / "tree", lists=False)
    run = write_records(tmp_path / "run", tree)
    record(run / "held_out_photos.tsv", pipelines.read(str(tree))[11:])
    flags = ["--data", str(tree.rename(tmp_path / data))] if data else []
    assert command([str(run), *flags, "--split", "val"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: --split: ") and "'val'" in line
    assert "3 photos" in line and "--split held-out" in line
    assert not [*run.glob("e*ation-*")]


@pytest.mark.parametrize("command", [evaluate_main, explain_main, export_main])
def test_misspelled_data_are_told_with_what_was_meant(
    tmp_path, tree, monkeypatch, capsys, command
):
    run = write_records(tmp_path / "run", tree)
    monkeypatch.chdir(tmp_path)
    assert command([str(run), "--data", "tre", "--split", "val"]) == 2
    assert "--data: tre does not exist. Did you mean tree?" in capsys.readouterr().err


def test_search_for_splits_holds_back_the_noise_of_libraries(
    tmp_path, tree, monkeypatch, capfd
):
    def find(source):
        os.write(2, b"To enable the following instructions: AVX2\na warning\n")
        return ["train", "val"]

    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    monkeypatch.setattr(pipelines, "splits", find)
    with pytest.raises(BadInput, match="^--split: "):
        evaluate(EvaluateConfig(run=write_records(tmp_path / "run", tree)))
    assert capfd.readouterr().err == "a warning\n"
