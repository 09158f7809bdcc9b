"""A study whose cells a Ray cluster runs."""

import contextlib
import functools
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.study.cells import FAILURE, Cell
from ssl_voc.study.config import StudyConfig
from ssl_voc.study.ray_cluster import RayCluster
from tests.interpreters import REPOSITORY
from tests.study import pretended
from tests.study.pretended import make_runner, results

HAS_RAY = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not HAS_RAY, reason="Ray is not installed")


def test_settings_of_a_cluster_are_refused_without_one_and_beside_shards():
    with pytest.raises(ValueError, match="--cpus-per-run.*--cluster"):
        StudyConfig(data=("photos",), cpus_per_run=2)
    with pytest.raises(ValueError, match="--shard and --cluster"):
        StudyConfig(data=("photos",), cluster="local", shard="1/2")


def test_arms_cannot_have_backbones_that_depend_on_their_weights():
    with pytest.raises(ValueError, match="--backbone: all arms stand on one"):
        StudyConfig(data=("photos",), backbone="auto")


def test_without_ray_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"--cluster.*'\.\[cluster\]'"):
        RayCluster("local")


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two CPUs on this machine, in whose tasks commands only pretend."""
    import ray

    pretending = {
        "env_vars": {"PYTHONPATH": str(REPOSITORY)},
        "worker_process_setup_hook": pretended.pretend,
    }
    settings = {"num_cpus": 2, "include_dashboard": False, "runtime_env": pretending}
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray, "init", functools.partial(ray.init, **settings))
        cluster = RayCluster("local", 1)
    assert signal.getsignal(signal.SIGTERM) is handler
    yield cluster
    cluster.close()
    assert not ray.is_initialized()


@pytest.fixture(autouse=True)
def pretending(monkeypatch):
    monkeypatch.setattr(Cell, "commands", Cell.commands)


def run_interrupted(cluster, runner, is_time):
    """Runs cells until Ctrl-C comes, once `is_time` says so."""

    def interrupt():
        limit = time.monotonic() + 60
        while not is_time() and time.monotonic() < limit:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGUSR1)

    previous = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    threading.Thread(target=interrupt).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            cluster.run(runner)
    finally:
        signal.signal(signal.SIGUSR1, previous)


@needs_ray
@pytest.mark.slow
def test_cluster_runs_every_cell_as_one_process_would(cluster, tmp_path, capsys):
    alone = make_runner(tmp_path / "alone")
    assert alone.run() == 0
    capsys.readouterr()
    assert cluster.num_slots == 2 and cluster.num_gpus == 0
    assert cluster.run(make_runner(tmp_path / "cells")) == 0
    printed = capsys.readouterr().out
    assert "2 runs at once, each with 1 CPUs" in printed and "[14/14]" in printed
    assert results(tmp_path / "cells") == results(tmp_path / "alone")
    assert len(results(tmp_path / "cells")) == 14
    assert not list(tmp_path.glob("cells/*/claim.json"))


@needs_ray
@pytest.mark.slow
def test_failure_on_a_node_is_told_and_tried_again_by_the_next_start(
    cluster, tmp_path, capsys
):
    folder = tmp_path / "cells"
    runner = make_runner(folder)
    # A folder where the file of its results belongs: no command can write that.
    tuned = next(c for c in runner.cells_and_missing()[0] if c.kind == "tune")
    broken = folder / tuned.key / "run" / "summary.json"
    broken.mkdir(parents=True)
    assert cluster.run(runner) > 0
    assert f"failed: {tuned.title}" in capsys.readouterr().out
    assert list(folder.glob(f"*/{FAILURE}"))
    broken.rmdir()
    assert cluster.run(make_runner(folder)) == 0
    assert len(results(folder)) == 14


@needs_ray
@pytest.mark.slow
def test_interrupted_study_goes_on_by_the_same_command(cluster, tmp_path):
    folder = tmp_path / "cells"
    runner = make_runner(folder)

    run_interrupted(cluster, runner, lambda: len(results(folder)) >= 3)
    assert len(results(folder)) < 14
    assert cluster.run(make_runner(folder)) == 0
    assert len(results(folder)) == 14


@needs_ray
@pytest.mark.slow
def test_cell_of_a_process_that_died_is_run_by_another(cluster, tmp_path):
    folder = tmp_path / "cells"
    runner, killed = make_runner(folder), []

    def kill():
        limit = time.monotonic() + 60
        while not killed and time.monotonic() < limit:
            for path in folder.glob("*/claim.json"):
                with contextlib.suppress(OSError, ValueError):
                    owner = json.loads(path.read_text())["pid"]
                    os.kill(owner, signal.SIGKILL)
                    killed.append(owner)
            time.sleep(0.005)

    thread = threading.Thread(target=kill)
    thread.start()
    assert cluster.run(runner) == 0
    thread.join()
    assert killed and len(results(folder)) == 14
    assert not list(folder.glob(f"*/{FAILURE}"))


@needs_ray
@pytest.mark.slow
def test_more_cpus_than_a_node_has_are_refused(cluster):
    with pytest.raises(BadInput, match="has 64 CPUs.*largest has 2.*--cpus-per-run"):
        RayCluster("local", 64)


@needs_ray
@pytest.mark.slow
def test_interrupt_ends_the_commands_on_the_nodes_as_a_scheduler_would(
    cluster, tmp_path, monkeypatch
):
    folder = tmp_path / "cells"
    runner = make_runner(folder)
    # Of the first cell, whose command has to be told to end.
    monkeypatch.setenv("TF_PRETENDED_SECONDS", "600")

    run_interrupted(cluster, runner, lambda: any(folder.glob("*/run/began")))
    began = {path.parent for path in folder.glob("*/run/began")}
    assert began and all((run / "terminated").exists() for run in began)


@needs_ray
@pytest.mark.slow
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_cluster_that_does_not_answer_is_a_line(address):
    script = "from ssl_voc.study.ray_cluster import RayCluster; RayCluster"
    script += f"({address!r})"
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    last = ended.stderr.strip().splitlines()[-1]
    assert f"BadInput: --cluster: no Ray cluster answers at {address}" in last
