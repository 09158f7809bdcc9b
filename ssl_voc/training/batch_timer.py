"""Timers of the wait for batches, for iterators and for tf.data."""

import time
from collections.abc import Iterable, Iterator
from typing import Any


class TimedIterator:
    """Iterates over batches and adds up the time spent waiting for them.

    For batches that Python hands over, as under the jax and torch backends. Keras'
    tensorflow backend fetches from an iterator ahead of need, in another thread:
    there the time of a `TimedDataset` is the true one.

    Args:
        iterable: Anything that gives batches.

    Attributes:
        seconds: Seconds spent waiting so far.
    """

    def __init__(self, iterable: Iterable[Any]):
        self.seconds = 0.0
        self._iterator = iter(iterable)

    def __iter__(self) -> Iterator[Any]:
        """Gives the batches as a generator, the one kind of iterator `fit` takes."""
        while True:
            start = time.perf_counter()
            try:
                batch = next(self._iterator)
            except StopIteration:
                return
            finally:
                self.seconds += time.perf_counter() - start
            yield batch


class TimedDataset:
    """Adds up, inside a tf.data pipeline, the time its consumer waits for batches.

    Keras' tensorflow backend takes batches inside its compiled step, where no Python
    clock can look. Here the clock is part of the pipeline: `zip` asks its members one
    after the other, so a time stamp stands before and after the wait for each batch.

    Args:
        dataset: A `tf.data.Dataset`, prefetched: work before the prefetching is only
            waited for where it is too slow.

    Attributes:
        dataset: The same batches in the same order, to be given to `fit`.
    """

    def __init__(self, dataset: Any):
        import tensorflow as tf

        with tf.device("cpu"):
            waited = tf.Variable(0.0, dtype="float64", trainable=False)
        # Both maps hold stateful ops, hence tf.data does not run them in parallel.
        clock = tf.data.Dataset.counter().map(lambda _: _now())

        def stop_clock(start, batch):
            with tf.control_dependencies([waited.assign_add(_now() - start)]):
                return tf.nest.map_structure(tf.identity, batch)

        options = tf.data.Options()
        # tf.data would add a prefetch behind the clock and have its thread wait.
        options.experimental_optimization.inject_prefetch = False
        timed = tf.data.Dataset.zip(clock, dataset).map(stop_clock)
        self.dataset = timed.with_options(options)
        self._waited = waited

    @property
    def seconds(self) -> float:
        """Seconds waited so far."""
        return float(self._waited.numpy())


def _now() -> Any:
    """Seconds as a float64 tensor; `tf.timestamp` refuses deterministic runs."""
    import tensorflow as tf

    return tf.numpy_function(time.perf_counter, [], tf.float64)
