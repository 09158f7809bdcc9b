"""Photos of `--unlabeled` in a fine-tuning: burn-in, batches, teacher."""

import math

import keras

from ssl_voc.callbacks import last_epoch
from ssl_voc.finetune.config import LEAST_POOL_PASSES
from ssl_voc.finetune.teacher_labels import build_pseudo_label_probe
from ssl_voc.training.resumed_border import resumed_border

# Unbiased Teacher's (arXiv 2102.09480); less at first, see `MomentumTeacher.warm_up`.
TEACHER_MOMENTUM = 0.9996


class UnlabeledPhotos:
    """What photos without boxes add to a fine-tuning.

    Args:
        folder: The `RunFolder`.
        config: A `FinetuneConfig`, resolved; its number of epochs may be unknown.
        data: `FinetuningData` with such photos.
        steps: Number of steps of an epoch, in which all photos with boxes are seen.
    """

    def __init__(self, folder, config, data, steps):
        self._folder, self._data, self._steps = folder, data, steps
        self._pool = data.unlabeled
        self._burn_in = config.burn_in
        # As many as there are with boxes.
        self._batch_size = min(config.batch_size, len(self._pool))

    @property
    def least_steps(self):
        """Number of steps in which the pool is seen often enough."""
        passes = LEAST_POOL_PASSES * self._pool.steps_per_epoch(self._batch_size)
        return math.ceil(passes / (1.0 - self._burn_in))

    def burn_in_epochs(self, epochs):
        """Number of epochs that learn from labels alone, of a number of epochs."""
        return resumed_border(
            min(round(self._burn_in * epochs), epochs - 1),
            self._folder.manifest.get("burn_in_epochs"),
            last_epoch(self._folder.path / "checkpoints"),
        )

    def join_dataset(self, batches, seed, done):
        """Batches with photos of the pool beside those with boxes.

        Args:
            batches: `tf.data.Dataset` of dictionaries.
            seed: Non-negative integer.
            done: Number of epochs done.
        """
        import tensorflow as tf

        others = self._pool.dataset(**self._order(seed, done))
        return tf.data.Dataset.zip(batches, others).map(_join)

    def join_batches(self, batches, seed, done):
        """The same of an iterator, for backends without tensorflow."""
        others = self._pool.batches(**self._order(seed, done))
        return map(_join, batches, others)

    def callbacks(self, config, model, main_object_only):
        """Callbacks that let the teacher average and look at what it finds.

        Records the length of the burn-in in the manifest.

        Args:
            config: A `FinetuneConfig` whose number of epochs is known.
            model: The `SemiSupervisedModel`.
            main_object_only: Whether a photo has one target.
        """
        burn_in_epochs = self.burn_in_epochs(config.epochs)
        self._folder.update_manifest(
            burn_in_epochs=burn_in_epochs, pool_batch_size=self._batch_size
        )
        teacher = model.labeler.teacher
        # At the end of the burn-in the rate is near its peak, and no step's own weights
        # are good ones: the teacher labels by what it has averaged.
        warming_up = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: teacher.warm_up(epoch * self._steps)
        )
        probe = build_pseudo_label_probe(
            self._folder, config, self._data, main_object_only, max(1, burn_in_epochs)
        )
        return [warming_up, probe]

    def _order(self, seed, done):
        return {
            "batch_size": self._batch_size,
            "seed": seed + 1,
            "initial_epoch": done,
            "steps_per_epoch": self._steps,
        }


def _join(batch, images):
    return {**batch, "unlabeled": images}
