"""Random draws that depend on the seed and the number of the epoch alone."""

import keras
import numpy as np


class EpochSeeds(keras.callbacks.Callback):
    """Sets every seed generator of the model anew at the start of each epoch.

    A run that resumes at epoch `e` then draws the views that an uninterrupted one
    would have drawn: checkpoints do not keep the states of seed generators.

    Args:
        seed: Non-negative integer.
    """

    def __init__(self, seed):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        """Derives each generator's state from seed, epoch and its place."""
        place = 0
        for variable in self.model.variables:
            if variable.path.endswith("seed_generator_state"):
                sequence = np.random.SeedSequence([self.seed, epoch, place])
                state = sequence.generate_state(2, np.uint32)
                variable.assign(state.astype(variable.dtype))
                place += 1
