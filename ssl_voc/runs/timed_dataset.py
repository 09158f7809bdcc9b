"""How long a training on a tf.data pipeline waits for its batches."""

from typing import Any


class TimedDataset:
    """Adds up, inside the pipeline, the time its consumer spends in `get_next`.

    Keras takes batches from a `tf.data.Dataset` inside its compiled step, where no
    Python clock can look. Here the clock is a part of the pipeline: `zip` asks its
    members one after the other, so a time stamp stands before and after the wait for
    each batch.

    Args:
        dataset: A `tf.data.Dataset`, prefetched: what comes before the prefetching
            is not waited for.

    Attributes:
        dataset: The same batches in the same order, to be given to `fit`.
    """

    def __init__(self, dataset: Any):
        import tensorflow as tf

        with tf.device("cpu"):
            waited = tf.Variable(0.0, dtype="float64", trainable=False)
        # Both maps hold stateful ops, hence tf.data runs neither ahead of its time.
        clock = tf.data.Dataset.counter().map(lambda _: tf.timestamp())

        def stop_clock(start, batch):
            with tf.control_dependencies([waited.assign_add(tf.timestamp() - start)]):
                return tf.nest.map_structure(tf.identity, batch)

        self.dataset = tf.data.Dataset.zip(clock, dataset).map(stop_clock)
        self._waited = waited

    @property
    def seconds(self) -> float:
        """Seconds waited so far."""
        return float(self._waited.numpy())
