"""A Ray cluster that runs the cells of a study, each as a task."""

import contextlib
import importlib.util
import os
import signal
import socket
import threading
import time

from ssl_voc.cli.errors import BadInput, StoppedEarly
from ssl_voc.study.claims import Claims
from ssl_voc.study.runner import Runner, format_progress, time_left

_POLL_SECONDS = 2.0
# Starts anew of a task whose node or process died.
_RETRIES = 3
_SECONDS_TO_STOP = 60.0
_SECONDS_TO_ANSWER = 10.0
# Beginnings of the variables that decide what a command computes with.
_VARIABLES = ("KERAS_", "TF_", "JAX_", "XLA_")


class RayCluster:
    """A connection to a Ray cluster whose nodes see the folder of the study.

    Source: [Ray Core](https://docs.ray.io/en/latest/ray-core/walkthrough.html). Ray
    chooses the node, waits for CPUs and GPUs, and starts a task anew whose node died;
    claims keep other processes, and what such a node left running, away.

    Args:
        address: `"auto"`, `HOST:PORT` or `ray://HOST:PORT`; or `"local"` for a cluster
            of this machine alone, which ends with `close`.
        cpus: CPUs of a task; None for those of the smallest node, shared by its GPUs.

    Attributes:
        num_cpus, num_gpus: What a task asks for. If a node has GPUs, that is one, and
            nodes without any are left idle.
        num_slots: Number of tasks that run at once.

    Raises:
        BadInput: when Ray is not installed, or no such cluster answers or has the CPUs.
    """

    def __init__(self, address, cpus=None):
        if importlib.util.find_spec("ray") is None:
            raise BadInput(
                "--cluster: Ray is not installed: pip install '.[cluster]' in the "
                "checkout of ssl_voc."
            )
        import ray

        self._connects = not ray.is_initialized()
        if self._connects:
            with _kept_handler(signal.SIGTERM):
                _connect(address)
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        nodes = [(int(n.get("CPU", 0)), int(n.get("GPU", 0))) for n in nodes]
        with_gpus = [node for node in nodes if node[1]]
        self.num_gpus = int(bool(with_gpus))
        nodes = [node for node in with_gpus or nodes if node[0]]
        shares = [max(1, total // max(1, gpus)) for total, gpus in nodes]
        self.num_cpus = cpus or min(shares, default=1)
        self.num_slots = sum(
            min(total // self.num_cpus, gpus or total) for total, gpus in nodes
        )
        if not self.num_slots:
            self.close()
            kind = "node with a GPU" if self.num_gpus else "node"
            raise BadInput(
                f"--cluster: no {kind} of {address} has {self.num_cpus} CPUs; the "
                f"largest has {max((total for total, _ in nodes), default=0)}. Give "
                "--cpus-per-run, or ask a larger cluster."
            )

    def run(self, runner):
        """Runs what `runner.run` runs, and returns what that does.

        Args:
            runner: A `Runner` whose folder every node sees at the same path.

        Raises:
            StoppedEarly: when the connection is lost.
        """
        import ray

        task = ray.remote(
            num_cpus=self.num_cpus,
            num_gpus=self.num_gpus,
            max_retries=_RETRIES,
            # A process of its own: what it claimed and did not give back ends with it.
            max_calls=1,
        )(_run_cell)
        described = f"{self.num_cpus} CPUs" + " and 1 GPU" * self.num_gpus
        print(
            f"cluster   {self.num_slots} runs at once, each with {described}",
            flush=True,
        )
        variables = {k: v for k, v in os.environ.items() if k.startswith(_VARIABLES)}
        variables["TF_NUM_INTRAOP_THREADS"] = str(self.num_cpus)
        place = runner.plan, runner.folder, runner.pace, os.getcwd(), variables
        running = {}
        try:
            shared = ray.put(place)
            while True:
                cells, missing = runner.cells_and_missing()
                if not missing and not running:  # whose ends are told, too
                    return runner.count_failed(cells)
                begun = {cell.key for cell in running.values()}
                for cell in runner.ready(missing):
                    if cell.key not in begun:
                        running[task.remote(shared, cell)] = cell
                if not running:
                    time.sleep(_POLL_SECONDS)
                    continue
                for reference in ray.wait([*running], timeout=_POLL_SECONDS)[0]:
                    self._take(runner, running.pop(reference), reference)
        except ConnectionError as error:
            raise StoppedEarly(
                f"the connection to the cluster is lost: {error} What was done is "
                "saved; the same command goes on from there."
            ) from error
        finally:
            _cancel([*running])

    def close(self):
        """Ends the connection, if this object made it."""
        import ray

        if self._connects:
            ray.shutdown()

    def _take(self, runner, cell, reference):
        """Takes note of a task that has ended."""
        import ray

        try:
            # A shared file system may show it here only after a while.
            runner.remember(cell.key, ray.get(reference))
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None) or error
            reason = f"{type(cause).__name__}: {cause}".strip().splitlines()[0]
            runner.fail(cell, [], f"Ray gave it up: {reason}")
        cells, missing = runner.cells_and_missing()
        left = time_left(missing, runner.pace) / self.num_slots
        number = len(cells) - len(missing)
        print(format_progress(cell, number, len(cells), left), flush=True)
        runner.tell_failure(cell)


def _connect(address):
    import ray

    try:
        host, separator, port = address.removeprefix("ray://").rpartition(":")
        if separator:
            # Ray itself tries for minutes.
            socket.create_connection((host, int(port)), _SECONDS_TO_ANSWER).close()
        ray.init(address, log_to_driver=False, logging_level="ERROR")
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInput(
            f"--cluster: no Ray cluster answers at {address}: {reason} Start one by "
            "`ray start --head`, or give local for this machine alone."
        ) from error


def _cancel(references):
    """Ends tasks as Ctrl-C ends a command, with its work saved."""
    import ray

    if not references:
        return
    with contextlib.suppress(KeyboardInterrupt, ConnectionError):
        for reference in references:
            ray.cancel(reference)
        ray.wait(references, num_returns=len(references), timeout=_SECONDS_TO_STOP)


@contextlib.contextmanager
def _kept_handler(number):
    """Gives a signal back to the command, which says what is saved; Ray would not."""
    handler = signal.getsignal(number)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(number, handler)


def _run_cell(shared, cell):
    """Runs a cell on the node that Ray has chosen, once whoever had it is gone.

    Returns:
        Its outcome, see `Runner.outcome_of`.
    """
    plan, folder, pace, directory, variables = shared
    os.chdir(directory)
    os.environ.update(variables)
    runner = Runner(plan, folder, Claims(), pace)
    while runner.outcome_of(cell.key) is None:
        if not runner.attempt(cell):
            time.sleep(_POLL_SECONDS)
    return runner.outcome_of(cell.key)
