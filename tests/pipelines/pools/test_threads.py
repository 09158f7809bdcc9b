import threading
import time

import pytest

from pipelines.pools.threads import for_each


@pytest.mark.parametrize("num_items", [0, 1, 15, 16, 17, 1000])
@pytest.mark.parametrize("workers", [None, 1, 5])
def test_each_index_is_called_once(num_items, workers):
    called = []
    for_each(called.append, num_items, workers)
    assert sorted(called) == list(range(num_items))
    with pytest.raises(ValueError, match="workers.*0"):
        for_each(print, num_items, workers=0)


def test_progress_rises_to_the_total_in_the_calling_thread():
    seen = []

    def progress(done, total):
        seen.append((done, total, threading.get_ident()))

    for_each(lambda index: None, 100, workers=3, progress=progress)
    done = [entry[0] for entry in seen]
    assert done == sorted(done) and done[-1] == 100 and len(done) > 1
    assert {entry[1:] for entry in seen} == {(100, threading.get_ident())}


def test_small_work_is_shared_by_all_workers():
    # Each call waits for the other three: with fewer than four threads they hang.
    barrier = threading.Barrier(4, timeout=10)
    for_each(lambda index: barrier.wait(), 4, workers=4)


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_first_error_or_interrupt_ends_the_work(error):
    called = []

    def work(index):
        called.append(index)
        time.sleep(0.001)
        if index == 0 and error is KeyError:
            raise error

    def progress(done, total):
        if error is KeyboardInterrupt:
            raise error

    with pytest.raises(error):
        for_each(work, 4000, workers=2, progress=progress)
    assert len(called) < 2000
