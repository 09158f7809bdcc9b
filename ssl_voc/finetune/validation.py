"""Validation photos of a fine-tuning: what chooses the epoch."""

import keras
import numpy as np

# A prediction holds fewer maps than a training step.
_LARGEST_BATCH, _PER_TRAINING_PHOTO = 64, 4


class Validation:
    """The photos that choose the epoch, measured by the task's probes or by `fit`.

    Args:
        task: The `Task` that is learned.
        pool: `pipelines.Pool` of the photos, or None: then nothing is measured.
        batch_size: Number of photos in a training step, which fit the memory.
    """

    def __init__(self, task, pool, batch_size):
        self._task, self._pool = task, pool
        self._batch_size = min(_LARGEST_BATCH, _PER_TRAINING_PHOTO * batch_size)

    def probes(self):
        """Callbacks that measure the photos in place of `fit`; maybe none."""
        if self._pool is None:
            return []
        return self._task.probes(_BatchesFromStart(self._pool, self._batch_size))

    def fit_arguments(self):
        """Keyword arguments for the `fit` that measures them; none beside probes."""
        if self._pool is None or self.probes():
            return {}
        if keras.backend.backend() == "tensorflow":
            batches = self._pool.evaluation_dataset(self._batch_size)
            return {"validation_data": batches.map(self._task.model_inputs)}
        everything = self._pool.gather(np.arange(len(self._pool)))
        return {
            "validation_data": (self._task.model_inputs(everything),),
            "validation_batch_size": self._batch_size,
        }

    def measure(self, model):
        """Does once what is done after an epoch, to see how long it takes."""
        for probe in self.probes():
            probe.set_model(model)
            probe.on_epoch_end(0, {})
        if arguments := self.fit_arguments():
            data = arguments["validation_data"]
            data = data if isinstance(data, tuple) else (data,)
            model.evaluate(*data, batch_size=self._batch_size, verbose=0)


class _BatchesFromStart:
    """The batches of a pool, from the start each time they are asked for."""

    def __init__(self, pool, batch_size):
        self.pool, self.batch_size = pool, batch_size

    def __iter__(self):
        return iter(self.pool.evaluation_batches(self.batch_size))
