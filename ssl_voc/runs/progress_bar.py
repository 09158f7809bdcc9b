"""Progress bar in a terminal, one line elsewhere; imports no framework."""

import sys
from collections.abc import Callable
from typing import TextIO

from tqdm import tqdm

from ssl_voc.cli.command import open_bars


def progress_bar(
    description: str, unit: str = "photo", stream: TextIO | None = None
) -> Callable[[int, int], None]:
    """Makes a `progress(done, total)` to be called while something advances.

    In a terminal it draws a bar; elsewhere it writes one line at the end.

    Args:
        description: What is going on, such as "reading photos".
        unit: What is counted.
        stream: Where to write. `None`: standard output.
    """
    stream = sys.stdout if stream is None else stream
    bar = None

    def progress(done: int, total: int) -> None:
        nonlocal bar
        if not stream.isatty():
            if done == total:
                print(f"{description}: {total} {unit}s", file=stream, flush=True)
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
