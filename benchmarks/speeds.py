"""Images per second of several jobs that take turns in one process."""

import statistics


def take_turns(jobs, num_images, rounds):
    """Runs every job once to warm up, then all of them `rounds` times.

    The order turns round each time, so that a change of the machine's mood meets all.

    Args:
        jobs: Dictionary from names to functions that return the seconds they measured.
        num_images: Number of images that are worked on in these seconds.
        rounds: Number of rounds.

    Returns:
        Dictionary from names to lists of images per second, one a round.
    """
    for job in jobs.values():
        job()
    speeds = {name: [] for name in jobs}
    for number in range(rounds):
        for name in [*jobs] if number % 2 else [*jobs][::-1]:
            speeds[name].append(num_images / jobs[name]())
    return speeds


def compare(title, ours, theirs, peer):
    """One line: medians of both, and their ratio with its range over the rounds."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return (
        f"{title}  ours {statistics.median(ours):6.1f}  {peer} "
        f"{statistics.median(theirs):6.1f} images/s  ratio "
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    )
