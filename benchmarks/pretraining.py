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
shows to be fastest. Ours also computes the metrics that `pretrain` logs.

One difference is of design: ours decodes every photo once and keeps it at 7/6 of the
view's side, the peer decodes in every epoch. So ours is given three times:
- steady: photos decoded before (the figure of every epoch but the first);
- first epoch: the time of decoding them all added to one epoch;
- decoding: `cache="none"`, each photo decoded for every batch, as the peer does.

Also: peak memory of either process, loader processes not counted; the cost of
augmentation, as the step's time with it minus without it (the same model on ready
views); and the share of time spent waiting in `next` for data.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import shutil
import signal
import statistics
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))  # run as a file, its own folder stands there

from benchmarks.worker import Worker, WorkerFailed  # noqa: E402

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
    sizes = [options.image_size]
    if not options.one_size:
        sizes.append(SECOND_IMAGE_SIZE)
    report = {
        "machine": f"{platform.platform()}, {os.cpu_count()} cores",
        "data": options.data.name,
        "batch_size": options.batch_size,
        "sizes": {},
    }
    for index, image_size in enumerate(sizes):
        rounds = options.rounds if index == 0 else max(1, options.rounds // 2)
        streams = ["kept", "decoded", "ready_views"] if index == 0 else ["kept"]
        with Turns(options, image_size) as turns:
            report |= turns.describe()
            results = turns.take(rounds, options.steps, streams)
        report["sizes"][image_size] = results
    return report


class Turns:
    """Our worker and the peer's, of one image size, asked one after the other."""

    def __init__(self, options, image_size):
        arguments = {
            "data": str(options.data.resolve()),
            "image_size": image_size,
            "batch_size": options.batch_size,
            "augmentation": dataclasses.asdict(
                Augmentation(blur_sigma_range=(0.1, 2.0 * image_size / 224))
            ),
        }
        self.batch_size = options.batch_size
        self.ours = Worker(sys.executable, "benchmarks.our_worker", arguments)
        self.peer = None
        if options.peer_python:
            self.peer = Worker(options.peer_python, "benchmarks.peer_worker", arguments)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.ours.close()
        if self.peer:
            self.peer.close()

    def describe(self):
        """Versions of what is compared."""
        described = {"ours": self.ours.ask("describe")}
        if self.peer:
            described["peer"] = self.peer.ask("describe")
        return described

    def take(self, rounds, steps, streams):
        """Lets both train by turns.

        Args:
            rounds: Number of rounds.
            steps: Number of timed steps in a turn.
            streams: Streams of `OurWorker.train`, `"kept"` first.

        Returns:
            Dictionary of results, times in seconds.
        """
        results = {"prepare": self.ours.ask("prepare"), "steps": steps, "rounds": []}
        self.ours.ask("warm_up", streams=streams[:1])
        results["peak_memory_gib"] = {"ours": self.ours.ask("peak_memory")}
        self.ours.ask("warm_up", streams=streams[1:])
        turns = [("peer", self.peer)] if self.peer else []
        if self.peer:
            results["peer_choice"] = self.peer.ask("warm_up")
            results["peak_memory_gib"]["peer"] = self.peer.ask("peak_memory")
        turns += [(stream, self.ours) for stream in streams]
        for number in range(rounds):
            results["rounds"].append({})
            # Who begins changes: what drifts within a round then cancels.
            for name, worker in turns if number % 2 else reversed(turns):
                arguments = {} if name == "peer" else {"stream": name}
                timed = worker.ask("train", num_steps=steps, **arguments)
                results["rounds"][-1][name] = timed
                speed = steps * self.batch_size / timed["seconds"]
                print(f"round {number + 1}: {name:12}{speed:6.1f} pairs/s", flush=True)
        results |= summarize(results, self.batch_size)
        return results


def summarize(results, batch_size):
    """Figures of one image size.

    Args:
        results: Dictionary that `Turns.take` filled.
        batch_size: Number of pairs in a step.

    Returns:
        Dictionary from the name of a figure to `{"median", "low", "high"}` over the
        rounds.
    """
    rounds, pairs = results["rounds"], results["steps"] * batch_size
    figures = {}
    for name in rounds[0]:
        seconds = [turn[name]["seconds"] for turn in rounds]
        figures[f"pairs_per_second_{name}"] = [pairs / second for second in seconds]
    num_photos = results["prepare"]["num_photos"]
    figures["pairs_per_second_first_epoch"] = [
        num_photos / (results["prepare"]["seconds"] + num_photos / speed)
        for speed in figures["pairs_per_second_kept"]
    ]
    for name in ("kept", "first_epoch", "decoded"):
        if "peer" in rounds[0] and f"pairs_per_second_{name}" in figures:
            both = figures[f"pairs_per_second_{name}"], figures["pairs_per_second_peer"]
            figures[f"ratio_{name}"] = [a / b for a, b in zip(*both, strict=True)]
    for name in ("kept", "decoded", "peer"):
        if name in rounds[0]:
            turns = [turn[name] for turn in rounds]
            figures[f"data_wait_share_{name}"] = [
                turn["waited"] / turn["seconds"] for turn in turns
            ]
    if "ready_views" in rounds[0]:
        figures["augmentation_share"] = [
            1 - turn["ready_views"]["seconds"] / turn["kept"]["seconds"]
            for turn in rounds
        ]
    return {
        "figures": {
            name: {
                "median": statistics.median(values),
                "low": min(values),
                "high": max(values),
            }
            for name, values in figures.items()
        }
    }


def print_report(report):
    """Prints a table of the medians, with their ranges over the rounds."""
    print(f"\n{report['machine']}; {report['data']}, batch {report['batch_size']}")
    print(f"ours  {report['ours']}")
    if "peer" in report:
        print(f"peer  {report['peer']}")
    for image_size, results in report["sizes"].items():
        print(f"\n{image_size} px, {len(results['rounds'])} rounds of turns")
        for name, figure in results["figures"].items():
            share = name.startswith(("data_wait", "augmentation"))
            scale, unit = (100, " %") if share else (1, "")
            numbers = [scale * figure[key] for key in ("median", "low", "high")]
            digits = 2 if name.startswith("ratio") else 1
            median, low, high = (f"{number:.{digits}f}" for number in numbers)
            print(f"  {name:32}{median:>7}{unit}  ({low} to {high})")
        print(
            f"  prepare: {results['prepare']['num_photos']} photos in "
            f"{results['prepare']['seconds']:.1f} s"
        )
        for name, peak in results["peak_memory_gib"].items():
            print(f"  peak memory of {name}: {peak:.2f} GiB")
        if "peer_choice" in results:
            choice = results["peer_choice"]
            print(
                f"  peer's loader processes: {choice['num_workers']}, "
                f"{choice['memory_format']}"
            )


def _parse(argv):
    summary, _, rest = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument(
        "--data", type=pathlib.Path, required=True, help="folder of photos"
    )
    parser.add_argument("--peer-python", help="Python that has lightly and timm")
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
    return os.path.abspath(path)  # A symbolic link tells Python its environment.


if __name__ == "__main__":
    sys.exit(main())
