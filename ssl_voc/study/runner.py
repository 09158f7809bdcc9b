"""Running the cells of a study: one after another, shared with other processes."""

import contextlib
import shutil
import signal
import subprocess
import time
from pathlib import Path

from ssl_voc.cli.config_file import read_config_file
from ssl_voc.cli.durations import format_duration
from ssl_voc.runs.folder_lock import is_locked
from ssl_voc.runs.json_files import read_json, read_json_dict, read_jsonl, write_json
from ssl_voc.runs.start_rules import has_checkpoint
from ssl_voc.study.cells import (
    FAILURE,
    RESULT,
    cell_folder,
    format_command,
    has_failed,
)
from ssl_voc.study.plan import cells_of
from ssl_voc.tasks import TASKS

_POLL_SECONDS = 2.0
_SHOWN_CHARACTERS = 400
# One epoch's score of few photos depends on the epoch.
_SCORED_EPOCHS = 3


class Runner:
    """Runs what is missing of a plan; others may do the same in the same folder.

    Args:
        plan: A `Plan`.
        folder: Path of the folder of all cells.
        claims: `Claims`.
        pace: `Pace`, for the time that is left.
        shard: `(i, n)`: this process begins at the i-th of the cells, from 0 on, and n
            share them.
        retry_failures: Whether failures of an earlier start count no more.
    """

    def __init__(self, plan, folder, claims, pace, shard=(0, 1), retry_failures=True):
        self.plan, self.folder, self.claims, self.pace = plan, folder, claims, pace
        self.shard = shard
        self._proved = {}  # see `time_left`
        self._known = {}
        self._old_failures = {}
        for path in folder.glob(f"*/{FAILURE}") if retry_failures else ():
            with contextlib.suppress(FileNotFoundError):  # another process retries it
                self._old_failures[path] = path.stat().st_mtime_ns

    def outcome_of(self, key):
        """Result of a cell, see `ssl_voc.study.plan.cells_of`."""
        known = self._known.get(key)
        return known or read_outcome(cell_folder(self.folder, key), self._old_failures)

    def remember(self, key, outcome):
        """Takes note of an outcome whose file cannot be seen yet, perhaps.

        Args:
            key: Key of the cell.
            outcome: What `outcome_of` will return.
        """
        self._known[key] = outcome

    def cells_and_missing(self):
        """All cells as they are known now, and those of them that have no outcome."""
        cells = cells_of(self.plan, self.outcome_of)
        return cells, [cell for cell in cells if self.outcome_of(cell.key) is None]

    def count_failed(self, cells):
        """Number of the cells that were run, and failed."""
        return sum(has_failed(self.outcome_of(cell.key)) for cell in cells)

    def run(self):
        """Runs until every cell is done, or cannot be; returns the number that failed.

        What another process has claimed is waited for, and taken over if it dies.
        """
        while True:
            cells, missing = self.cells_and_missing()
            if not missing:
                return self.count_failed(cells)
            if not any([self._try(cell) for cell in self.ready(missing)]):
                time.sleep(_POLL_SECONDS)

    def ready(self, missing):
        """The cells that can be run now, one after another, as results come in.

        Args:
            missing: List of the `Cell`s that have no outcome. Those that never can be
                run are noted as failed.
        """
        # Near the front, so that all arms of a seed are done before the next seed's.
        first = self.shard[0] % max(1, len(missing))
        for cell in missing[first:] + missing[:first]:
            needed = {key: self.outcome_of(key) for key in (*cell.needs, *cell.trials)}
            broken = [key for key, outcome in needed.items() if has_failed(outcome)]
            # Until both of its runs have a rate, it may be called otherwise.
            is_open = cell.kind == "explain" and not all(needed.values())
            if broken and not is_open:
                self.fail(cell, [], f"{broken[0]}, which it needs, failed")
                self.tell_failure(cell)
            elif cell.is_ready and all(needed.values()):
                yield cell

    def attempt(self, cell, begin=lambda: None):
        """Runs a cell unless another process does; whether it did.

        Args:
            cell: A `Cell` that is ready.
            begin: Called before it is run.
        """
        folder = self.folder / cell.key
        with self.claims.claim(folder) as is_ours:
            if not is_ours or self.outcome_of(cell.key) is not None:
                return False
            evaluation = cell.evaluation_folder(self.folder)
            if is_locked(cell.run_folder(self.folder)) or is_locked(evaluation):
                return False  # the child of a process that was killed still runs
            begin()
            self._run(cell, folder)
            return True

    def _try(self, cell):
        began = time.monotonic()
        is_new = not cell.run_folder(self.folder).exists()
        if not self.attempt(cell, lambda: self._tell(cell)):
            return False
        if is_new and not has_failed(self.outcome_of(cell.key)):
            run, expected = self._proved.get(cell.kind == "pretrain", (0.0, 0.0))
            run += time.monotonic() - began
            expected += self.pace.seconds(cell)
            self._proved[cell.kind == "pretrain"] = run, expected
        self.tell_failure(cell)
        return True

    def _run(self, cell, folder):
        (folder / FAILURE).unlink(missing_ok=True)
        run = cell.run_folder(self.folder)
        commands = cell.commands(self.folder)
        evaluation = cell.evaluation_folder(self.folder)
        done = (run / "summary.json", evaluation / "metrics.json")
        began = time.monotonic()
        for words, path in zip(commands, done, strict=False):
            words = _as_begun(words, run)
            if not path.is_file() and not self._start(cell, words, folder):
                if cell.kind != "tune" or not _has_diverged(run):
                    return
                (folder / FAILURE).unlink(missing_ok=True)  # an answer, too
        if cell.is_evaluated and _is_all_seen(evaluation):
            self.fail(cell, [], "all reported photos were seen with their labels")
            return
        seconds = time.monotonic() - began
        result = {
            "kind": cell.kind,
            "title": cell.title,
            "commands": [format_command(words) for words in commands],
            "seconds": seconds,
            **describe_outcome(cell, run, self.plan.task),
        }
        # Two thirds of its disk, which nothing reads any more.
        shutil.rmtree(run / "checkpoints", ignore_errors=True)
        write_json(folder / RESULT, result)

    def _start(self, cell, words, folder):
        """Runs one command with its output in a file; whether it succeeded."""
        with open(folder / "output.txt", "ab") as output:
            output.write(f"$ {format_command(words)}\n".encode())
            output.flush()
            child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C comes to us alone, and we end the child as a scheduler would.
                start_new_session=True,
            )
            status = None
            try:
                # In slices: an interrupt that is no signal is noticed between two.
                while status is None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        status = child.wait(_POLL_SECONDS)
            except BaseException:
                child.send_signal(signal.SIGTERM)
                with contextlib.suppress(KeyboardInterrupt):
                    child.wait()
                raise
        if status:
            self.fail(cell, words, f"exit status {status}")
        return status == 0

    def fail(self, cell, words, reason):
        """Notes that a cell failed.

        Args:
            cell: The `Cell`.
            words: Its command that did; none if it was not begun.
            reason: Why, in words.
        """
        folder = self.folder / cell.key
        folder.mkdir(parents=True, exist_ok=True)
        output = folder / "output.txt"
        text = output.read_text("utf-8", "replace") if output.exists() else ""
        last = text.strip().rpartition("\n")[2][-_SHOWN_CHARACTERS:]
        failed = {
            "failed": f"{reason}: {last}" if words else reason,
            "title": cell.title,
            "command": format_command(words) if words else "",
        }
        write_json(folder / FAILURE, failed)

    def tell_failure(self, cell):
        """Prints why a cell failed, if it did."""
        outcome = self.outcome_of(cell.key)
        if has_failed(outcome):
            print(f"failed: {cell.title}: {outcome['failed']}", flush=True)

    def _tell(self, cell):
        cells, missing = self.cells_and_missing()
        number = len(cells) - len(missing) + 1
        line = format_progress(cell, number, len(cells), self.time_left(missing))
        print(f"{line}{self.condition}", flush=True)

    def time_left(self, missing):
        """Seconds that cells will take where all shards run, see `time_left`."""
        return time_left(missing, self.pace, self._proved) / self.shard[1]

    @property
    def condition(self):
        """Words behind a time that is left: the other shards that it counts on."""
        number = self.shard[1]
        return f" if all {number} shards run" if number > 1 else ""


def _is_all_seen(evaluation):
    """Whether no photo is left whose figures may be compared."""
    metrics = read_json(evaluation / "metrics.json")
    return metrics["num_leaked"] >= metrics["num_images"]


def _as_begun(words, run):
    """A command that goes on with a run, its weights spelled as when that began.

    They are those of another cell, whose folder may have another name by now: with a
    checkpoint they are not read again.

    Args:
        words: The command.
        run: Path of the run folder.
    """
    if "--weights" not in words or not has_checkpoint(run):
        return words
    place = words.index("--weights") + 1
    begun = read_config_file(run / "config.yaml", "--weights").get("weights")
    is_same = begun and Path(begun).parts[-2:] == Path(words[place]).parts[-2:]
    return [*words[:place], begun, *words[place + 1 :]] if is_same else words


def _has_diverged(run):
    """Whether a training ended with NaN, as it would again."""
    return read_json_dict(run / "manifest.json").get("diverged", False)


def format_progress(cell, number, total, left):
    """A line such as `[3/14] fine-tune random, 100 labels, seed 0; about 5:12 left`.

    Args:
        cell: The `Cell`.
        number: Number of cells that are done, or begun.
        total: Number of all cells.
        left: Seconds that are left, about.
    """
    return f"[{number}/{total}] {cell.title}; about {format_duration(left)} left"


def time_left(cells, pace, proved=None):
    """Seconds that cells will take, by the pace and how it has proved so far.

    Args:
        cells: `Cell`s that are not done.
        pace: `Pace`.
        proved: Dictionary from whether a cell is a pretraining, of which the trial
            told nothing, to the seconds that such ones took and those that the pace
            foretold.
    """

    def seconds(cell):
        run, expected = (proved or {}).get(cell.kind == "pretrain", (1.0, 1.0))
        return pace.seconds(cell) * run / expected

    return sum(map(seconds, cells))


def read_outcome(folder, old_failures=()):
    """What a cell's folder tells: its result, its failure, or None.

    Args:
        folder: Path of the cell's folder.
        old_failures: Times of the failures, by path, that count no more.
    """
    for name in (RESULT, FAILURE):
        path = folder / name
        try:
            if name == FAILURE and path in old_failures:
                if path.stat().st_mtime_ns == old_failures[path]:
                    continue
            return read_json(path)
        except (OSError, ValueError):
            continue
    return None


def describe_outcome(cell, run, task):
    """What a report wants to know of a cell that is done.

    Args:
        cell: A `Cell`.
        run: Path of its run folder.
        task: Name of the task.

    Returns:
        Dictionary of `"training_seconds"`, `"steps"` and `"photos_seen"` of a training
        (photos without boxes among them, repeats counted),
        and of its validation `"score"`, None where it has none or diverged.
    """
    if cell.kind == "explain":
        return {}
    rows = read_jsonl(run / "metrics.jsonl")
    manifest = read_json(run / "manifest.json")
    photos = manifest.get("num_training", manifest.get("num_photos"))
    steps = len(rows) * manifest["steps_per_epoch"]
    seen = len(rows) * photos
    if "batch_size" in manifest:  # the last ones of an epoch fill no batch
        seen = steps * manifest["batch_size"]
    later = max(0, len(rows) - manifest.get("burn_in_epochs", len(rows)))
    seen += later * manifest["steps_per_epoch"] * manifest.get("pool_batch_size", 0)
    found = {
        "training_seconds": sum(row.get("seconds", 0.0) for row in rows),
        "epochs": len(rows),
        "num_photos": photos,
        "steps": steps,
        "photos_seen": seen,
    }
    if cell.kind == "tune":
        # Of the last epochs: that is what the runs that count keep.
        last = rows[-_SCORED_EPOCHS:]
        scores = [row.get(name) for row in last for name in TASKS[task].scored]
        known = scores and None not in scores and not _has_diverged(run)
        found["score"] = sum(scores) / len(scores) if known else None
    return found
