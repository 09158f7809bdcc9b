"""Thread pool for work on many photos; Pillow releases the interpreter's lock."""

import concurrent.futures
import os

# Photos a task: many enough that handing out tasks costs nothing beside decoding.
MAX_CHUNK = 16


def default_workers() -> int:
    """Number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def for_each(function, num_items, workers=None, progress=None):
    """Calls `function(index)` for `0 .. num_items - 1` from several threads.

    Args:
        function: Callable; the first exception that it raises ends the work.
        num_items: Number of calls.
        workers: Number of threads; by default one per core.
        progress: Optional callable `(done, total)`, called from this thread.
    """
    workers = default_workers() if workers is None else workers
    if workers < 1:
        raise ValueError(f"`workers` must be at least 1. Received: {workers}")

    # A batch is small: every thread shall get something to do.
    chunk = max(1, min(MAX_CHUNK, num_items // workers))

    def work(start):
        stop = min(start + chunk, num_items)
        for index in range(start, stop):
            function(index)
        return stop - start

    executor = concurrent.futures.ThreadPoolExecutor(workers)
    try:
        futures = [executor.submit(work, s) for s in range(0, num_items, chunk)]
        done = 0
        for future in concurrent.futures.as_completed(futures):
            done += future.result()
            if progress is not None:
                progress(done, num_items)
    finally:
        # After an error or an interrupt nobody wants the rest decoded.
        executor.shutdown(wait=True, cancel_futures=True)
