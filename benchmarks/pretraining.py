"""Pairs per second of SimCLR pretraining, from JPEG files to optimizer step.

    python benchmarks/pretraining.py --data PHOTOS --peer-python PEER/bin/python

compares `ContrastiveModel.fit` with what a torch user would put together: lightly's
transform, head and loss around timm's `efficientnet_b1`. The peer runs in an
environment of its own (`benchmarks/requirements.txt`); without `--peer-python` only
ours is measured.

Both train EfficientNet-B1 in float32 by SGD with momentum on the same photos, batch
and view size, with SimCLR's augmentation in the same strengths, a head of 512 and 128,
both views in one batch. Both are warmed up, then take turns, the other one stopped by
a signal meanwhile, so that a change of the machine's mood meets both. The peer loads
photos with the number of processes, and computes in the memory format, that a trial
shows to be fastest. Ours also computes the metrics that `pretrain` logs. At 160 pixels
one ends before the other starts, since their activations together take over 20 GiB.

One difference is of design: ours decodes every photo once and keeps it at 7/6 of the
view's side, the peer decodes in every epoch. So ours is given three times:
- steady: photos decoded before (the figure of every epoch but the first);
- first epoch: the time of decoding them all added to one epoch;
- decoding: `cache="none"`, each photo decoded for every batch, as the peer does.

Also: peak memory of either process, loader processes not counted; the cost of
augmentation, as the step's time with it minus without it (the same model on ready
views), by the clock and by CPU time, which a busy machine disturbs less; and the share
of time spent waiting in `next` for data.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))  # run as a file, its own folder stands there

from benchmarks.figures import print_report, summarize  # noqa: E402
from benchmarks.machine import describe_machine  # noqa: E402
from benchmarks.worker import Worker, WorkerFailed  # noqa: E402
from ssl_voc.runs.instruction_sets import instruction_sets  # noqa: E402
from ssl_voc.runs.onednn import VARIABLE, faster_onednn  # noqa: E402

SECOND_IMAGE_SIZE = 160


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """What both sides do to a view: SimCLR's, the blur scaled from 224 pixels."""

    blur_sigma_range: tuple[float, float]
    smallest_area: float = 0.08
    color_strength: float = 1.0
    grayscale_rate: float = 0.2
    blur_rate: float = 0.5


def main(argv=None):
    """Measures, prints a table, and writes every figure to a file if asked.

    Args:
        argv: Arguments; `None` reads those of the process.

    Returns:
        Exit status: 0, or 2 where a worker could not do its work.
    """
    options = _parse(argv)
    # Stopped workers would outlive a killed benchmark: let `with` end them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        report = measure(options)
    except WorkerFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print_report(report)
    if options.out:
        options.out.write_text(json.dumps(report, indent=2) + "\n")
    return 0


def measure(options):
    """Runs all rounds; returns a dictionary of settings and results."""
    sides = ["ours", "peer"] if options.peer_python else ["ours"]
    report = {
        "machine": describe_machine(),
        "data": options.data.name,
        "batch_size": options.batch_size,
        "sizes": {},
    }
    streams = ("kept", "decoded", "ready_views")
    with Turns(options, options.image_size, sides) as turns:
        report["versions"] = turns.describe()
        results = turns.take(options.rounds, options.steps, streams)
    report["sizes"][options.image_size] = results | summarize(results, options)
    if options.one_size:
        return report

    # Activations of both at once do not fit into 24 GiB: one ends before the other.
    rounds = max(2, options.rounds // 2)
    results = {}
    for side in sides:
        with Turns(options, SECOND_IMAGE_SIZE, [side]) as turns:
            alone = turns.take(rounds, options.steps, streams[:1])
        results = _merge(results, alone)
    report["sizes"][SECOND_IMAGE_SIZE] = results | summarize(results, options)
    return report


class Turns:
    """Workers of one image size, asked one after the other.

    Args:
        options: Parsed arguments.
        image_size: Side of the views in pixels.
        sides: Names of those that take part, of `"ours"` and `"peer"`.
    """

    def __init__(self, options, image_size, sides):
        arguments = {
            "data": str(options.data.resolve()),
            "image_size": image_size,
            "batch_size": options.batch_size,
            "augmentation": dataclasses.asdict(
                Augmentation(blur_sigma_range=(0.1, 2.0 * image_size / 224))
            ),
        }
        programs = {
            "ours": (sys.executable, "benchmarks.our_worker"),
            "peer": (options.peer_python, "benchmarks.peer_worker"),
        }
        self.batch_size, self.image_size = options.batch_size, image_size
        # As the command chooses it.
        onednn = faster_onednn(image_size, instruction_sets())
        environments = {"ours": {VARIABLE: onednn}} if onednn else {}
        self.workers = {
            side: Worker(*programs[side], arguments, environments.get(side))
            for side in sides
        }

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for worker in self.workers.values():
            worker.close()

    def describe(self):
        """Versions of what is compared."""
        return {side: worker.ask("describe") for side, worker in self.workers.items()}

    def take(self, num_rounds, steps, streams):
        """Warms the workers up and lets them train by turns.

        Args:
            num_rounds: Number of rounds.
            steps: Number of timed steps in a turn.
            streams: Streams of `OurWorker.train`, `"kept"` first.

        Returns:
            Dictionary of what was measured, times in seconds.
        """
        results = {"steps": steps, "peak_memory_gib": {}}
        ours, peer = self.workers.get("ours"), self.workers.get("peer")
        turns = []
        if peer:
            results["peer_choice"] = peer.ask("warm_up")
            results["peak_memory_gib"]["peer"] = peer.ask("peak_memory")
            turns += [("peer", peer, {})]
        if ours:
            results["prepare"] = ours.ask("prepare")
            ours.ask("warm_up", streams=streams[:1])
            results["peak_memory_gib"]["ours"] = ours.ask("peak_memory")
            ours.ask("warm_up", streams=streams[1:])
            turns += [(stream, ours, {"stream": stream}) for stream in streams]
        results["rounds"] = []
        for number in range(num_rounds):
            results["rounds"].append({})
            # Who begins changes: what drifts within a round then cancels.
            for name, worker, arguments in turns if number % 2 else reversed(turns):
                timed = worker.ask("train", num_steps=steps, **arguments)
                results["rounds"][-1][name] = timed
                speed = steps * self.batch_size / timed["seconds"]
                print(
                    f"{self.image_size} px, round {number + 1}, {name:12}"
                    f"{speed:6.1f} pairs/s",
                    flush=True,
                )
        return results


def _merge(results, others):
    """Puts together what `Turns.take` returned for either side alone."""
    if not results:
        return others
    rounds = zip(results["rounds"], others["rounds"], strict=True)
    peaks = results["peak_memory_gib"] | others["peak_memory_gib"]
    return {
        **(results | others),
        "rounds": [mine | theirs for mine, theirs in rounds],
        "peak_memory_gib": peaks,
    }


def _parse(argv):
    summary, _, rest = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument(
        "--data", type=pathlib.Path, required=True, help="folder of photos"
    )
    parser.add_argument(
        "--peer-python", type=_executable, help="Python that has lightly and timm"
    )
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5, help="timed steps in a turn")
    parser.add_argument(
        "--one-size", action="store_true", help=f"leave out {SECOND_IMAGE_SIZE} px"
    )
    parser.add_argument("--out", type=pathlib.Path, help="file for all figures, json")
    return parser.parse_args(argv)


def _executable(name):
    path = shutil.which(name)
    if path is None:
        raise argparse.ArgumentTypeError(f"{name} is no program")
    # Workers run elsewhere. Links stay: they tell Python its environment.
    return os.path.abspath(path)


if __name__ == "__main__":
    sys.exit(main())
