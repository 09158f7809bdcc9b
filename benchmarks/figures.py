"""What the times of the benchmark come to."""

import statistics


def summarize(results, options):
    """Figures of one image size.

    Args:
        results: Dictionary that `Turns.take` returned.
        options: Has `batch_size`, the number of pairs in a step.

    Returns:
        Dictionary from the name of a figure to `{"median", "low", "high"}` over the
        rounds.
    """
    rounds, pairs = results["rounds"], results["steps"] * options.batch_size
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
        for name, key in (("", "seconds"), ("_of_cpu", "cpu_seconds")):
            figures[f"augmentation_share{name}"] = [
                1 - turn["ready_views"][key] / turn["kept"][key] for turn in rounds
            ]
    return {"figures": {name: spread(values) for name, values in figures.items()}}


def spread(values):
    """Median, smallest and largest, as `{"median", "low", "high"}`."""
    return {
        "median": statistics.median(values),
        "low": min(values),
        "high": max(values),
    }


def print_report(report):
    """Prints a table of the medians, with their ranges over the rounds."""
    print(f"\n{report['machine']}; {report['data']}, batch {report['batch_size']}")
    for side, versions in report["versions"].items():
        print(f"{side:6}{versions}")
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
