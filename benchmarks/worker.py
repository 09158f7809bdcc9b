"""The benchmark's worker processes, and how they talk: a line of JSON each way."""

import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time

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


def time_steps(train, num_steps):
    """Times training steps after one more, which fills the pipeline.

    Args:
        train: Function that trains a number of steps.
        num_steps: Number of steps to time.

    Returns:
        Dictionary of `"seconds"` by the clock and `"cpu_seconds"` over all threads, of
        one step.
    """
    train(1)
    start, start_cpu = time.perf_counter(), time.process_time()
    train(num_steps)
    return {
        "seconds": (time.perf_counter() - start) / num_steps,
        "cpu_seconds": (time.process_time() - start_cpu) / num_steps,
    }


def peak_memory_gib():
    """Largest resident memory of this process so far, in GiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 2**30
