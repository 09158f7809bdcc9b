"""Batches of a fine-tuning that are not trained on."""

from ssl_voc import callbacks

EVALUATION_BATCH = 64


class EvaluationBatches:
    """The batches of a pool, from the start each time they are asked for."""

    def __init__(self, pool):
        self.pool = pool

    def __iter__(self):
        return iter(self.pool.evaluation_batches(EVALUATION_BATCH))


class AugmentedImages:
    """The images of some batches of a pool, augmented, alike each time.

    Not as they are: with statistics of plain photos detectors found less.

    Args:
        pool: `pipelines.Pool` that is learned from.
        batches: List of index arrays.
        model: The `BoxModel` whose augmenter it is.
        seed: Non-negative integer.
    """

    def __init__(self, pool, batches, model, seed):
        self.pool, self.batches, self.model = pool, batches, model
        self._seeds = callbacks.EpochSeeds(seed)
        self._seeds.set_model(model)

    def __iter__(self):
        self._seeds.on_epoch_begin(0)
        for indices in self.batches:
            batch = self.pool.gather(indices)
            inputs = {name: batch[name] for name in ("images", "bounding_boxes")}
            yield self.model.augmenter(inputs, training=True)["images"]
