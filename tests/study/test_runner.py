"""Running cells: killed, shared, failed, and what is told meanwhile."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from ssl_voc.runs.folder_lock import lock_folder
from ssl_voc.study.cells import FAILURE, RESULT, Cell
from ssl_voc.study.claims import Claims
from ssl_voc.study.command import describe_plan
from ssl_voc.study.plan import cells_of
from ssl_voc.study.runner import Runner, _as_begun, describe_outcome, time_left
from tests.interpreters import REPOSITORY
from tests.study import pretended
from tests.study.pretended import (
    PACE,
    make_runner,
    results,
    small_plan,
    stay_in_process,
)


@pytest.fixture(autouse=True)
def pretending(monkeypatch):
    monkeypatch.setattr(Cell, "commands", Cell.commands)


def start(folder, *shard):
    words = [sys.executable, "-m", "tests.study.pretended", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        [*words, *map(str, shard)],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for(folder, number):
    limit = time.monotonic() + 60
    while len(results(folder)) < number:
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Results of a study that nobody disturbed."""
    folder = tmp_path_factory.mktemp("study") / "cells"
    child = start(folder)
    printed, _ = child.communicate(timeout=120)
    assert child.returncode == 0
    assert "[1/14]" in printed and "left" in printed
    return results(folder)


def test_plan_tells_steps_and_where_to_watch(tmp_path):
    runner = make_runner(tmp_path)
    lines = describe_plan(runner.plan, runner).splitlines()
    # 95 epochs of 100 photos and 30 of 1,000, one in a step.
    assert "steps     9500, 30000" in lines
    assert lines[-1] == f"watch     {tmp_path}/*/output.txt"
    of_two = make_runner(tmp_path, (0, 2))
    missing = of_two.cells_and_missing()[1]
    assert of_two.time_left(missing) == runner.time_left(missing) / 2
    assert "if all 2 shards run" in describe_plan(of_two.plan, of_two)


def test_every_cell_is_run_once_and_the_best_rate_is_kept(undisturbed):
    # 1 pretraining, 2 arms x 2 shares x 2 rates, 2 x 2 fine-tunings, 1 heat map.
    kinds = [result["kind"] for result, _ in undisturbed.values()]
    assert sorted(set(kinds)) == ["explain", "finetune", "pretrain", "tune"]
    assert len(kinds) == 14
    result = next(r for r, _ in undisturbed.values() if r["kind"] == "pretrain")
    assert (result["steps"], result["photos_seen"]) == (16, 80)


def test_run_that_is_done_keeps_no_checkpoints_and_one_that_failed_does(
    tmp_path, monkeypatch, in_process
):
    start = Runner._start

    def train(runner, cell, words, folder):
        (folder / "run" / "checkpoints").mkdir(parents=True, exist_ok=True)
        start(runner, cell, words, folder)
        if words[2] == "evaluate" and cell.arm == "ssl":
            runner.fail(cell, words, "exit status 1")
            return False
        return True

    monkeypatch.setattr(Runner, "_start", train)
    assert make_runner(tmp_path).run() == 3
    kept = {path.parts[-3] for path in tmp_path.glob("*/run/checkpoints")}
    assert len(kept) == 2 and all(name.startswith("fine-tune-ssl") for name in kept)


def test_study_that_is_killed_three_times_ends_with_the_same_results(
    undisturbed, tmp_path
):
    for number in (2, 5, 10):
        child = start(tmp_path / "cells")
        wait_for(tmp_path / "cells", number)
        child.kill()
        child.communicate()
    child = start(tmp_path / "cells")
    child.communicate(timeout=120)
    assert child.returncode == 0
    assert results(tmp_path / "cells") == undisturbed


def test_shards_begin_one_behind_the_other(tmp_path):
    def order(number):
        runner = make_runner(tmp_path, (number, 3))
        cells = runner.cells_and_missing()[0]
        cells = [cell for cell in cells if cell.is_ready and not cell.needs]
        return [cells.index(cell) for cell in runner.ready(cells)], len(cells)

    first, number = order(0)
    assert first == [*range(number)]
    assert order(1)[0] == [*range(1, number), 0]
    assert [*make_runner(tmp_path, (2, 3)).ready([])] == []


def test_two_shards_one_of_them_killed_end_with_the_same_results(undisturbed, tmp_path):
    folder = tmp_path / "cells"
    first, second = start(folder, 0, 2), start(folder, 1, 2)
    wait_for(folder, 5)
    first.kill()
    killed, _ = first.communicate()
    survived, _ = second.communicate(timeout=120)
    assert second.returncode == 0
    assert results(folder) == undisturbed
    # Both had worked, and what was told as begun was begun by one of them alone.
    titles = [
        line.split("] ")[1].split(";")[0]
        for printed in (killed, survived)
        for line in printed.splitlines()
    ]
    assert len(killed.splitlines()) > 1 < len(survived.splitlines())
    assert len(titles) - len(set(titles)) <= 1
    # A kill between a result and the end of its claim leaves that claim.
    claims = folder.glob("*/claim.json")
    assert all((path.parent / RESULT).exists() for path in claims)


def test_interrupt_ends_the_command_and_gives_the_claim_back(tmp_path, monkeypatch):
    folder = tmp_path / "cells"
    runner = make_runner(folder)
    waiting = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(Cell, "commands", lambda cell, place: [waiting])
    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 1.0)
        with pytest.raises(KeyboardInterrupt):
            runner.run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < 20
    assert not list(folder.glob("*/claim.json")) and not results(folder)


def test_failure_is_told_and_what_needs_it_is_not_tried(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "cells"

    def fail(cell, place):
        if cell.kind == "pretrain":
            return [[sys.executable, "-c", "print('error: no photos'); exit(2)"]]
        return pretended.commands(cell, place)

    runner = make_runner(folder)
    monkeypatch.setattr(Cell, "commands", fail)
    assert runner.run() > 0
    done = results(folder)
    assert {result["kind"] for result, _ in done.values()} == {"tune", "finetune"}
    assert not any("ssl" in key for key in done)
    failures = [json.loads(p.read_text()) for p in folder.glob(f"*/{FAILURE}")]
    assert any("error: no photos" in each["failed"] for each in failures)
    printed = [x for x in capsys.readouterr().out.splitlines() if "failed: " in x]
    assert printed[0].startswith("failed: pretrain simclr on pool")
    # Each once, with its learning rate: 2 x 2 trials, 2 fine-tunings, 1 heat map.
    assert len(printed) == len(set(printed)) == len(failures) == 8
    # The next start tries again.
    assert make_runner(folder).run() == 0
    assert len(results(folder)) == 14


@pytest.fixture
def in_process(monkeypatch):
    """Commands of cells pretend without processes of their own."""
    stay_in_process(monkeypatch)


def test_arm_that_saw_all_reported_photos_with_their_labels_fails_alone(
    tmp_path, monkeypatch, in_process
):
    start = Runner._start

    def leak(runner, cell, words, folder):
        start(runner, cell, words, folder)
        path = cell.evaluation_folder(runner.folder) / "metrics.json"
        if cell.arm == "ssl" and path.exists():
            metrics = json.loads(path.read_text())
            path.write_text(json.dumps({**metrics, "num_leaked": 40}))
        return True

    monkeypatch.setattr(Runner, "_start", leak)
    runner = make_runner(tmp_path)
    assert runner.run() == 3  # of two numbers of labels, and the heat maps
    done = [result["title"] for result, _ in results(tmp_path).values()]
    measured = [title for title in done if title.startswith("fine-tune")]
    assert len(measured) == 2 and not any("ssl" in title for title in measured)
    failures = [json.loads(p.read_text()) for p in tmp_path.glob(f"*/{FAILURE}")]
    told = [each for each in failures if "seen with their labels" in each["failed"]]
    assert {each["title"].split(",")[0] for each in told} == {"fine-tune ssl"}


def test_rate_that_diverges_is_tried_once_and_not_chosen(
    tmp_path, monkeypatch, in_process
):
    start, begun = Runner._start, []

    def diverge(runner, cell, words, folder):
        begun.append(cell.key)
        start(runner, cell, words, folder)
        if cell.kind == "tune" and cell.rate == 0.003:  # the best of before
            path = folder / "run" / "manifest.json"
            manifest = {**json.loads(path.read_text()), "diverged": True}
            path.write_text(json.dumps(manifest))
            (folder / "run" / "summary.json").unlink()
            runner.fail(cell, words, "exit status 3")
            return False
        return True

    monkeypatch.setattr(Runner, "_start", diverge)
    assert make_runner(tmp_path).run() == 0 and not list(tmp_path.glob(f"*/{FAILURE}"))
    found = [result for result, _ in results(tmp_path).values()]
    tried = [r["score"] for r in found if r["kind"] == "tune"]
    assert sorted(tried, key=str) == [0.5] * 4 + [None] * 4
    begun.clear()
    runner = make_runner(tmp_path)
    assert runner.run() == 0 and not begun
    cells = runner.cells_and_missing()[0]
    assert {cell.rate for cell in cells if cell.kind == "finetune"} == {0.01}


def test_trial_that_fails_lets_the_runs_wait_for_the_next_start(
    tmp_path, monkeypatch, in_process
):
    start = Runner._start

    def fail(runner, cell, words, folder):
        if cell.kind == "tune" and (cell.arm, cell.rate) == ("ssl", 0.003):
            runner.fail(cell, words, "exit status 1")
            return False
        return start(runner, cell, words, folder)

    with monkeypatch.context() as patch:
        patch.setattr(Runner, "_start", fail)
        # Of either number of labels a trial and the run of its rate; heat maps.
        assert make_runner(tmp_path).run() == 5
        assert not [key for key in results(tmp_path) if key.startswith("fine-tune-ssl")]
    runner = make_runner(tmp_path)
    assert runner.run() == 0
    cells = runner.cells_and_missing()[0]
    assert {cell.rate for cell in cells if cell.kind == "finetune"} == {0.003}


def test_arm_of_another_name_takes_over_the_runs_that_are_done(tmp_path, in_process):
    make_runner(tmp_path).run()
    before = {*results(tmp_path)}
    renamed = make_runner(tmp_path, plan=small_plan(arms=("random", "own=ssl:pool")))
    cells, missing = renamed.cells_and_missing()
    assert [cell.kind for cell in missing] == ["explain"]
    named = {cell.run_folder(tmp_path).parent.name for cell in cells}
    assert before - named == {key for key in before if key.startswith("heat")}
    assert len([cell for cell in cells if cell.arm == "own"]) == 4 + 2 + 1


def test_failures_of_before_are_shown_by_a_report_and_hidden_by_a_new_start(tmp_path):
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / FAILURE).write_text('{"failed": "exit status 1"}')
    assert make_runner(tmp_path).outcome_of("cell") is None
    runner = Runner(small_plan(), tmp_path, Claims(), PACE, retry_failures=False)
    assert runner.outcome_of("cell") == {"failed": "exit status 1"}


def test_run_goes_on_with_its_weights_as_they_were_spelled(tmp_path):
    run = tmp_path / "fine-tune" / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.yaml").write_text("weights: runs/s/cells/pretrain-1f/run\n")
    words = ["finetune", "--weights", "/new/cells/pretrain-1f/run", "--seed", "0"]
    assert _as_begun(words, run) == words  # before a checkpoint they are read
    (run / "checkpoints" / "epoch_00001.npz").touch()
    assert _as_begun(words, run)[2] == "runs/s/cells/pretrain-1f/run"
    others = [*words[:2], "/new/cells/pretrain-2e/run"]
    assert _as_begun(others, run) == others
    assert _as_begun(["evaluate", "run"], run) == ["evaluate", "run"]


@pytest.mark.parametrize("name", ["run", "run/evaluation"])
def test_cell_whose_child_still_runs_is_left_alone(tmp_path, name):
    runner = make_runner(tmp_path)
    cell = cells_of(runner.plan, runner.outcome_of)[0]
    folder = tmp_path / cell.key / name
    folder.mkdir(parents=True)
    lock = lock_folder(folder)
    assert not runner.attempt(cell)
    lock.release()
    assert runner.attempt(cell) and runner.outcome_of(cell.key)


def test_time_left_follows_how_the_pace_has_proved():
    cells = [Cell("tune", "a", (), epochs=10, photos=100)] * 3
    # Each: a start, and 10 epochs of 100 photos and a pause.
    assert time_left(cells, PACE) == pytest.approx(3 * (1 + 10 * (0.1 + 0.1)))
    proved = {False: (20.0, 10.0), True: (1.0, 10.0)}
    assert time_left(cells, PACE, proved) == pytest.approx(2 * 9.0)


@pytest.mark.parametrize("is_disturbed", [False, True])
def test_pace_is_proved_by_what_ran_from_its_begin_to_its_end(
    tmp_path, monkeypatch, in_process, is_disturbed
):
    told, start = [], Runner._start

    def time_left(cells, pace, proved):
        told.append({*proved})
        return 0.0

    def fail(runner, cell, words, folder):
        if cell.kind == "finetune":
            return runner.fail(cell, words, "exit status 1")
        return start(runner, cell, words, folder)

    monkeypatch.setattr("ssl_voc.study.runner.time_left", time_left)
    runner = make_runner(tmp_path)
    if is_disturbed:
        monkeypatch.setattr(Runner, "_start", fail)
        for cell in runner.cells_and_missing()[0]:
            if cell.kind == "tune":  # was begun before
                cell.run_folder(tmp_path).mkdir(parents=True)
    runner.run()
    assert told[-1] == ({True} if is_disturbed else {True, False})


def test_photos_of_a_pool_are_counted_from_the_end_of_the_burn_in(tmp_path):
    rows = [{"epoch": number, "seconds": 1.0} for number in range(1, 5)]
    (tmp_path / "metrics.jsonl").write_text("".join(f"{json.dumps(r)}\n" for r in rows))
    cell = next(cell for cell in cells_of(small_plan(), lambda key: None) if cell.arm)
    of_before = {"num_training": 18, "steps_per_epoch": 4}
    of_batches = {**of_before, "batch_size": 4}
    of_a_pool = {**of_batches, "burn_in_epochs": 1, "pool_batch_size": 3}
    # Those of older runs; without the two that fill no batch; with 3 epochs of 4 x 3.
    for manifest, seen in ((of_before, 72), (of_batches, 64), (of_a_pool, 64 + 36)):
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        found = describe_outcome(cell, tmp_path, "localize")
        assert (found["steps"], found["photos_seen"]) == (16, seen)
