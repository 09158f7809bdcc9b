"""The benchmark's worker processes, and how they talk: a line of JSON each way."""

import contextlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]


class WorkerFailed(Exception):
    """A worker ended before it answered; the message has its last words."""


class Worker:
    """A process that works while it is asked for something, and is stopped otherwise.

    Args:
        python: Path of the Python to run.
        module: Module that calls `serve`.
        arguments: Dictionary of the arguments of the worker's constructor.
        environment: Variables that the process has beside those of this one.
    """

    def __init__(self, python, module, arguments, environment=None):
        self.module = module
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [str(python), "-m", module, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            cwd=REPOSITORY,
            env={**os.environ, **(environment or {})},
            start_new_session=True,  # Its own children stop and go on with it.
        )

    def ask(self, do, **arguments):
        """Lets the process do something, and waits for its answer.

        Raises:
            WorkerFailed: when it ends instead.
        """
        self._signal(signal.SIGCONT)
        try:
            print(json.dumps({"do": do, **arguments}), file=self.process.stdin)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self.process.stdout.readline()
        if not answer:
            self.process.wait()
            self.log.seek(0)
            last = self.log.read()[-2000:]
            raise WorkerFailed(f"{self.module} ended during {do!r}:\n{last}")
        self._signal(signal.SIGSTOP)
        return json.loads(answer)

    def close(self):
        """Ends the process and its children."""
        self._signal(signal.SIGKILL)
        self.process.communicate()
        self.log.close()

    def _signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass  # `ask` tells what became of it.


def serve(worker_class, arguments):
    """Answers requests from stdin until it closes.

    A request `{"do": NAME, ...}` calls the method NAME of a worker with the other
    entries; the answer is what it returns. Whatever else the process prints goes to
    stderr.

    Args:
        worker_class: Class with the methods that may be asked for.
        arguments: Arguments of its constructor, as one line of JSON.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = worker_class(**json.loads(arguments))
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(worker, request.pop("do"))(**request)
        print(json.dumps(answer), file=answers, flush=True)


def measure_in_turns(module, rows, num_steps, num_rounds):
    """Starts a worker a row, and lets all train in turns; who begins changes.

    Args:
        module: Module that calls `serve`; its worker has `train(num_steps)`.
        rows: Dictionary from names to pairs: arguments of the worker's constructor,
            and variables that its process has beside those of this one.
        num_steps: Number of timed steps in a turn.
        num_rounds: Number of rounds.

    Returns:
        List with an entry a round: dictionary from the names to what `train` returned.
    """
    # Stopped workers would outlive a killed benchmark: let `with` end them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as opened:
        workers = {}
        for name, (arguments, environment) in rows.items():
            workers[name] = Worker(sys.executable, module, arguments, environment)
            opened.callback(workers[name].close)
            workers[name].ask("train", num_steps=1)  # traces, then stops
        rounds = []
        for number in range(num_rounds):
            order = [*workers] if number % 2 else [*workers][::-1]
            rounds.append(
                {
                    name: workers[name].ask("train", num_steps=num_steps)
                    for name in order
                }
            )
            print(f"round {number + 1} of {num_rounds}", flush=True)
        return rounds


def peak_memory_gib():
    """Largest resident memory of this process so far, in GiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 2**30
