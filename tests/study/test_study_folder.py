"""The folder of a study: its plan, its trial, and what is not its own."""

import contextlib
import shutil
import subprocess

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.cli.flags import parse
from ssl_voc.finetune.config import FinetuneConfig
from ssl_voc.study.budget import Pace
from ssl_voc.study.claims import Claims
from ssl_voc.study.config import StudyConfig
from ssl_voc.study.make_plan import Trial, make_plan
from ssl_voc.study.study_folder import _run_trial, _write_plan, open_plan, read_plan

PACE = Pace(1.0, 0.01, 0.1)


def count_trials(monkeypatch, imagenet=False):
    """A list that each trial adds to, in place of its training."""
    trials = []

    def run_trial(*_):
        trials.append(1)
        return Trial(PACE, imagenet, "tiny", 10.0)

    monkeypatch.setattr("ssl_voc.study.study_folder._run_trial", run_trial)
    return trials


def test_plan_comes_back_from_its_file(place, tmp_path):
    arms = ("random", f"a=imagenet+ssl:dcl:{place / 'bare'} --schedule frozen")
    config = StudyConfig(data=(str(place / "voc"),), arm=arms, budget="1h")
    plan, pace = make_plan(config, lambda *_: Trial(PACE, True, "tiny", 10.0))
    _write_plan(tmp_path, plan, pace, {"seeds": 3})
    assert read_plan(tmp_path) == (plan, pace, {"seeds": 3})
    # An older version called it otherwise: such a plan is made anew.
    text = (tmp_path / "plan.json").read_text()
    (tmp_path / "plan.json").write_text(text.replace("samples_seen", "passes"))
    assert read_plan(tmp_path) is None


def test_same_settings_keep_the_plan_and_others_make_a_new_one(
    place, tmp_path, monkeypatch
):
    trials = count_trials(monkeypatch)

    def plan(**settings):
        config = StudyConfig(data=(str(place / "voc"),), out=tmp_path, **settings)
        return open_plan(config, Claims())[0]

    first = plan()
    resumed = parse(StudyConfig, ["--resume", str(tmp_path)], "study", "")
    assert open_plan(resumed, Claims())[0] == first and len(trials) == 1
    assert plan() == first and plan(shard="2/2") == first and len(trials) == 1
    assert plan(seeds=2).grid.seeds == (0, 1)
    cells = tmp_path / "others"
    plan(seeds=2, cells=cells)
    resumed = parse(StudyConfig, ["--resume", str(tmp_path)], "study", "")
    assert resumed.cells == cells
    (tmp_path / "plan.json").unlink()
    with pytest.raises(BadInput, match="holds no study"):
        plan(report=True)


@pytest.mark.parametrize("imagenet", [True, False])
def test_trial_is_repeated_where_another_one_would_tell_something_else(
    place, tmp_path, monkeypatch, imagenet
):
    trials = count_trials(monkeypatch, imagenet)

    def num_trials(**settings):
        config = StudyConfig(data=(str(place / "voc"),), out=tmp_path, **settings)
        assert open_plan(config, Claims())[1] == PACE
        return len(trials)

    own = ("random", f"ssl:{place / 'bare'}")
    assert num_trials(arm=own) == 1
    assert num_trials(arm=own, seeds=2) == num_trials(arm=own, labels=("50%",)) == 1
    assert num_trials(arm=own, batch_size=16) == 2
    # The usual arms ask for ImageNet weights, which may be there by now.
    assert num_trials(batch_size=16) == 3
    before = num_trials(batch_size=16, seeds=2)
    assert before == (3 if imagenet else 4)
    # Weights that were replaced may be of another backbone.
    weights = tmp_path / "own.keras"
    for content, number in ((b"a", 1), (b"a", 1), (b"b", 2)):
        weights.write_bytes(content)
        assert num_trials(arm=("random", f"own={weights}")) == before + number


def test_folder_of_runs_holds_runs(place, tmp_path, monkeypatch):
    count_trials(monkeypatch)
    voc = (str(place / "voc"),)
    (tmp_path / "old" / "cells").mkdir(parents=True)
    (tmp_path / "file").touch()
    for name, words in (
        ("old", "holds no runs of a study. Did you mean .*cells"),
        ("file", "is a file"),
    ):
        config = StudyConfig(data=voc, out=tmp_path / "s", cells=tmp_path / name)
        with pytest.raises(BadInput, match=f"--cells: .*{words}"):
            open_plan(config, Claims())


def test_data_that_changed_makes_a_new_plan(place, tmp_path, monkeypatch):
    count_trials(monkeypatch)
    tree = shutil.copytree(place / "voc", tmp_path / "voc")
    pool = shutil.copytree(place / "bare", tmp_path / "pool")
    out = tmp_path / "study"

    def digests():
        config = StudyConfig(data=(str(tree),), unlabeled=(str(pool),), out=out)
        return open_plan(config, Claims())[0].digests

    def relabel(tree):
        path = tree / "Annotations" / "000.xml"
        path.write_text(path.read_text().replace("<xmin>", "<xmin>1"))

    (_, labels), (_, photos) = digests()
    assert digests() == (((), labels), (("simclr", str(pool)), photos))
    relabel(pool)  # labels that are not looked at
    assert dict(digests())[()] == labels and photos in dict(digests()).values()
    relabel(tree)
    assert dict(digests())[()] != labels and photos in dict(digests()).values()
    (pool / "Annotations" / "001.xml").unlink()
    (pool / "JPEGImages" / "001.png").unlink()
    assert photos not in dict(digests()).values()


def test_plan_that_another_process_made_meanwhile_is_not_made_again(
    place, tmp_path, monkeypatch
):
    config = StudyConfig(data=(str(place / "voc"),), out=tmp_path)
    trials = count_trials(monkeypatch)

    class Late(Claims):
        @contextlib.contextmanager
        def claim(self, folder):
            open_plan(config, Claims())
            yield True

    open_plan(config, Late())
    assert len(trials) == 1


@pytest.mark.parametrize("name", ["trial", "cells", "claim.json", "plan.json"])
def test_files_of_somebody_else_are_kept(place, tmp_path, name):
    theirs = tmp_path / name / "notes.txt"
    if name.endswith(".json"):
        theirs = tmp_path / name
    theirs.parent.mkdir(exist_ok=True)
    theirs.write_text("{}")
    config = StudyConfig(data=(str(place / "voc"),), out=tmp_path)
    with pytest.raises(BadInput, match="not empty and holds no study"):
        open_plan(config, Claims())
    assert theirs.read_text() == "{}"


def test_trial_is_not_written_among_files_of_somebody_else(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(BadInput, match="files of something else"):
        _run_trial(tmp_path, (), ())
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_trial_of_few_epochs_reaches_the_second_stage(tmp_path, monkeypatch):
    said = []

    def run(words, **_):
        said.extend(words[3:])
        return subprocess.CompletedProcess(words, 2, "", "error: enough")

    monkeypatch.setattr("ssl_voc.study.study_folder.subprocess.run", run)
    flags = ("--schedule=staged", "--unfreeze-epoch", "9")
    with pytest.raises(BadInput, match="trial of .* failed: error: enough"):
        _run_trial(tmp_path / "trial", (("--data", "photos"),), flags)
    config = parse(FinetuneConfig, said, "finetune", "")
    assert (config.epochs, config.schedule, config.unfreeze_epoch) == (3, "staged", 1)
