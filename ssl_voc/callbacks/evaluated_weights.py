"""Weights that are evaluated and kept in place of those that train."""

import contextlib

import keras

from ssl_voc.models.batch_norm_statistics import recalibrate_batch_norm


class EvaluatedWeights(keras.callbacks.Callback):
    """Lends a model other weights for validation and for what is kept of an epoch.

    They are the averages of `DiscriminativeAdamW`, with `averaged`, and, with
    `batches`, batch-norm statistics that are computed anew, see
    `recalibrate_batch_norm`. They are in place from the start
    of validation, or else from the end of the epoch, until `put_back`, which belongs
    behind what reads weights and before what saves checkpoints: the training goes on as
    if they had never been there.

    Not `keras.callbacks.SwapEMAWeights`: it is not asked by callbacks that predict, and
    under tensorflow swaps by sums and differences, which round the weights.

    Args:
        batches: Images that the statistics are of, as `recalibrate_batch_norm` takes
            them; gives them anew each time. `None` keeps the moving averages.
        averaged: Whether the optimizer's averages take the place of the weights.
        network: Model whose weights they are, where that is a part of the model in
            training; by default it is the model itself.
    """

    def __init__(self, batches, averaged, network=None):
        super().__init__()
        self.batches = batches
        self.averaged = averaged
        self.network = network
        self._trained = None

    def on_test_begin(self, logs=None):
        """Lends before the validation of `fit`."""
        self.lend()

    def on_epoch_end(self, epoch, logs=None):
        """Lends before the callbacks that follow, where `fit` validates nothing."""
        self.lend()

    @contextlib.contextmanager
    def lent(self):
        """Lends the weights for a while; puts back those that train, come what may."""
        try:
            self.lend()
            yield
        finally:
            self.put_back()

    def lend(self):
        """Puts the weights in place, unless they are."""
        if self._trained is not None:
            return
        network = self.network or self.model
        self._trained = network.get_weights()
        if self.averaged:
            optimizer = self.model.optimizer
            # In half precision it stands inside one that scales the loss.
            optimizer = getattr(optimizer, "inner_optimizer", optimizer)
            for variable, average in optimizer.averages():
                variable.assign(average)
        if self.batches is not None:
            recalibrate_batch_norm(network, self.batches)

    def put_back(self):
        """Puts the weights that train back in their place."""
        (self.network or self.model).set_weights(self._trained)
        self._trained = None
