"""End of mosaics in the last epochs of a training."""

import keras


class CloseMosaic(keras.callbacks.Callback):
    """Lets a detector see no mosaics any more from some epoch on.

    Objects of mosaics are smaller than those of the photos that are to be predicted; a
    detector that ends on single images is used to their scale. What is in force
    follows from the number of the epoch alone, so that a run that goes on draws what an
    uninterrupted one would. After the training the augmenter is as it was.

    Args:
        augmenter: The `DetectionAugmenter` of the model.
        num_epochs: Number of epochs with mosaics.

    Example:

    >>> model.fit(batches, epochs=100, callbacks=[CloseMosaic(model.augmenter, 85)])

    Reference:
        - [Ge et al., 2021](https://arxiv.org/abs/2107.08430), section 2.1, the last 15
          of 300 epochs
        - [Touvron et al., 2019](https://arxiv.org/abs/1906.06423), for what becomes of
          a network that is asked about objects of another size
    """

    def __init__(self, augmenter, num_epochs):
        super().__init__()
        self.mosaic = augmenter.mosaic
        self.num_epochs = num_epochs

    def on_epoch_begin(self, epoch, logs=None):
        """Sets the rate of mosaics of this epoch."""
        is_open = epoch < self.num_epochs
        self.mosaic.current_rate.assign(self.mosaic.rate if is_open else 0.0)

    def on_train_end(self, logs=None):
        """Opens mosaics again."""
        self.mosaic.current_rate.assign(self.mosaic.rate)
