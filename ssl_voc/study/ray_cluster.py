"""A Ray cluster that runs the cells of a study, each as a task."""

import contextlib
import importlib.util
import os
import signal
import time

from ssl_voc.cli.errors import BadInput
from ssl_voc.study.claims import Claims
from ssl_voc.study.runner import format_progress, has_failed, time_left

LOCAL = "local"
_POLL_SECONDS = 2.0
# Starts anew of a task whose node or process died.
_RETRIES = 3
_SECONDS_TO_STOP = 60.0


class RayCluster:
    """A connection to a Ray cluster whose nodes see the folder of the study.

    Source: [Ray Core](https://docs.ray.io/en/latest/ray-core/walkthrough.html). Ray
    chooses the node, waits for CPUs and GPUs, and starts a task anew whose node died;
    claims keep other processes, and what such a node left running, away.

    Args:
        address: `"auto"`, `HOST:PORT` or `ray://HOST:PORT`, as `ray.init` takes it; or
            `"local"` for one on this machine alone.
        cpus: CPUs of a task; None for those of the smallest node, shared by its GPUs.

    Attributes:
        num_cpus, num_gpus: What a task asks for.
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

        # Without them Ray sends statistics to its makers.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        if address != LOCAL:
            quiet["address"] = address
        if not ray.is_initialized():
            handler = signal.getsignal(signal.SIGTERM)
            try:
                ray.init(**quiet)
            except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
                reason = str(error).strip().splitlines()[0]
                raise BadInput(
                    f"--cluster: no Ray cluster answers at {address}: {reason} Start "
                    "one by `ray start --head`, or give local for this machine alone."
                ) from error
            # Ray would end at once where a command says what is saved.
            signal.signal(signal.SIGTERM, handler)
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        nodes = [
            (int(found["CPU"]), int(found.get("GPU", 0)))
            for found in nodes
            if found.get("CPU", 0) >= 1
        ]
        with_gpus = [node for node in nodes if node[1]]
        self.num_gpus = int(bool(with_gpus))
        nodes = with_gpus or nodes
        if cpus is None:
            cpus = min((n // max(1, gpus) for n, gpus in nodes), default=0) or 1
        self.num_cpus = cpus
        self.num_slots = sum(
            min(n // cpus, gpus if self.num_gpus else n) for n, gpus in nodes
        )
        if not self.num_slots:
            raise BadInput(
                f"--cpus-per-run: no node of the cluster has {cpus} CPUs; the largest "
                f"has {max((n for n, _ in nodes), default=0)}."
            )

    def run(self, runner):
        """Runs what `runner.run` runs, and returns what that does.

        Args:
            runner: A `Runner` whose folder every node sees at the same path.
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
        shared = ray.put((runner.plan, runner.folder, runner.pace, os.getcwd()))
        running = {}
        try:
            while True:
                cells, missing = runner.cells_and_missing()
                if not missing:
                    return sum(has_failed(runner.outcome_of(c.key)) for c in cells)
                begun = {cell.key for cell in running.values()}
                for cell in runner.ready(missing):
                    if cell.key not in begun:
                        running[task.remote(shared, cell, self.num_cpus)] = cell
                if not running:
                    time.sleep(_POLL_SECONDS)
                    continue
                for reference in ray.wait([*running], timeout=_POLL_SECONDS)[0]:
                    cell = running.pop(reference)
                    try:
                        ray.get(reference)
                    except ray.exceptions.RayError as error:
                        reason = str(error).strip().splitlines()[0]
                        runner.fail(cell, [], f"Ray gave it up: {reason}")
                    self._tell(runner, cell)
        finally:
            for reference in running:
                ray.cancel(reference)
            if running:
                # Its commands end as at Ctrl-C, with their work saved.
                with contextlib.suppress(KeyboardInterrupt):
                    ray.wait(
                        [*running], num_returns=len(running), timeout=_SECONDS_TO_STOP
                    )

    def _tell(self, runner, cell):
        cells, missing = runner.cells_and_missing()
        left = time_left(missing, runner.pace) / self.num_slots
        number = len(cells) - len(missing)
        print(format_progress(cell, number, len(cells), left), flush=True)
        runner.tell_failure(cell)


def _run_cell(shared, cell, num_cpus):
    """Runs a cell on the node that Ray has chosen, once whoever had it is gone."""
    from ssl_voc.study.runner import Runner

    plan, folder, pace, directory = shared
    os.chdir(directory)
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(num_cpus)
    runner = Runner(plan, folder, Claims(), pace)
    while runner.outcome_of(cell.key) is None and not runner.attempt(cell):
        time.sleep(_POLL_SECONDS)
