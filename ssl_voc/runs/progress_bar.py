"""Progress bar in a terminal, a few lines elsewhere; imports no framework."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from tqdm import tqdm

from ssl_voc.cli.command import open_bars
from ssl_voc.cli.durations import format_duration

# Where there is no terminal, long work has a line that often.
LINE_SECONDS = 30.0


def progress_bar(
    description: str, unit: str = "photo", stream: TextIO | None = None
) -> Callable[[int, int], None]:
    """Makes a `progress(done, total)` to be called while something advances.

    In a terminal it draws a bar; elsewhere it writes a line at the end and, with the
    time left, each half minute before.

    Args:
        description: What is going on, such as "reading photos".
        unit: What is counted.
        stream: Where to write. `None`: standard output.
    """
    stream = sys.stdout if stream is None else stream
    bar, told = None, time.monotonic()
    first = None  # call, which stands for what is slow once: loading, compiling

    def progress(done: int, total: int) -> None:
        nonlocal bar, told, first
        if not stream.isatty():
            now = time.monotonic()
            if done == total:
                print(f"{description}: {total} {unit}s", file=stream, flush=True)
            elif done and now - told > LINE_SECONDS:
                told, text = now, f"{description}: {done}/{total} {unit}s"
                if first is not None and done > first[0]:
                    pace = (now - first[1]) / (done - first[0])
                    text += f", {format_duration(pace * (total - done))} left"
                print(text, file=stream, flush=True)
            if done and first is None:
                first = done, now
            return
        if bar is None:
            bar = tqdm(
                total=total,
                desc=description,
                unit=unit,
                file=stream,
                dynamic_ncols=True,
            )
            open_bars.add(bar)
        bar.update(done - bar.n)
        if done == total:
            bar.close()
            bar = None

    return progress
