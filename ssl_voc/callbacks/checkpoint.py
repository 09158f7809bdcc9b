"""Checkpoints of weights and optimizer state after epochs."""

import re
import time
from pathlib import Path

import keras
from keras import ops

from ssl_voc.distributed import on_all_devices
from ssl_voc.models.cloning import refresh_normalization
from ssl_voc.runs.array_files import numbered, read_arrays, write_arrays
from ssl_voc.runs.start_rules import CHECKPOINT_NAME


class Checkpoint(keras.callbacks.Callback):
    """Saves the model's weights and the optimizer's state after epochs.

    A file gets its name only when it is complete and on disk, so a kill or a full disk
    leaves the earlier checkpoint. Together with `EpochSeeds` and data ordered by epoch,
    a resumed run computes what an uninterrupted one would.

    Weights that a model calls its `fixed_weights`, a list, are left out.

    Not `save_weights`, which walks over every attribute of the model: with a detector
    and a hundred photos that took a fifth of the time.

    Args:
        folder: Where the two newest checkpoints lie; made if missing.
        time_share: Share of the time that writing may take, in `(0, 1]`: epochs that
            end too soon after the last checkpoint are not saved, but the last one is.
        is_urgent: Optional function without arguments that is asked at the end of an
            epoch whether that one is to be saved in any case.

    Attributes:
        is_behind: Whether an epoch has ended since the last checkpoint.
    """

    def __init__(self, folder, time_share=1.0, is_urgent=None):
        super().__init__()
        if not 0.0 < time_share <= 1.0:
            raise ValueError(
                f"`time_share` must be in (0, 1]. Received: time_share={time_share}"
            )
        self.folder = Path(folder)
        self.time_share = time_share
        self.is_urgent = is_urgent
        self.is_behind = False
        self._epoch = 0
        self._ended, self._seconds = 0.0, 0.0  # of the last writing

    def on_epoch_end(self, epoch, logs=None):
        """Saves epoch `epoch + 1` if it is time."""
        self._epoch, self.is_behind = epoch + 1, True
        since = time.monotonic() - self._ended
        is_due = since * self.time_share >= self._seconds * (1.0 - self.time_share)
        if is_due or (self.is_urgent and self.is_urgent()):
            self._write()

    def on_train_end(self, logs=None):
        """Saves the last epoch."""
        if self.is_behind:
            self._write()

    def _write(self):
        """Saves the epoch that has ended, and removes all but the two newest files."""
        began = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            name: ops.convert_to_numpy(variable)
            for name, variable in _variables(self.model).items()
        }
        write_arrays(self.folder / f"epoch_{self._epoch:05d}.npz", arrays)
        for path in list(epoch_files(self.folder, CHECKPOINT_NAME).values())[:-2]:
            path.unlink()
        self.is_behind, self._ended = False, time.monotonic()
        self._seconds = self._ended - began


def epoch_files(folder, pattern):
    """Files of a folder that have the number of an epoch in their names.

    Args:
        folder: Path of the folder; need not exist.
        pattern: Regular expression of the names, whose group is the number.

    Returns:
        Dictionary from epoch to path, in the order of epochs.
    """
    paths = Path(folder).glob("*")
    matches = [(re.fullmatch(pattern, path.name), path) for path in paths]
    return dict(sorted((int(match[1]), path) for match, path in matches if match))


def last_epoch(folder):
    """Number of epochs that the newest checkpoint in a folder covers; 0 for none."""
    return max(epoch_files(folder, CHECKPOINT_NAME), default=0)


def restore(model, folder):
    """Loads the newest checkpoint into a compiled model.

    Args:
        model: Built and compiled model of the architecture that was saved.
        folder: Folder that `Checkpoint` wrote to.

    Returns:
        Number of epochs that are done; 0 where there is no checkpoint.

    Raises:
        ValueError: when the newest checkpoint cannot be read into the model.
    """
    epoch = last_epoch(folder)
    if epoch:
        path = epoch_files(folder, CHECKPOINT_NAME)[epoch]
        with on_all_devices(model):
            model.optimizer.build(model.trainable_variables)
        try:
            arrays = read_arrays(path)
        except ValueError as error:
            raise ValueError(
                f"The checkpoint {path} is {error} Delete it to go on from the one "
                "before."
            ) from error
        try:
            _set_variables(model, arrays)
        except ValueError as error:
            raise ValueError(
                f"The checkpoint {path} is of another model or version: {error}"
            ) from error
    return epoch


def _variables(model):
    """Everything that training changes but seeds and metrics, by name."""
    fixed = {id(weight) for weight in getattr(model, "fixed_weights", ())}
    weights = [weight for weight in model.weights if id(weight) not in fixed]
    return {
        **numbered("weight", weights),
        **numbered("optimizer", model.optimizer.variables),
    }


def _set_variables(model, arrays):
    """Sets the variables of a model to arrays of the same names and shapes."""
    variables = _variables(model)
    if arrays.keys() != variables.keys():
        other = sorted(arrays.keys() ^ variables.keys())[0]
        raise ValueError(f"only one of them has {other}.")
    for name, variable in variables.items():
        if arrays[name].shape != tuple(variable.shape):
            raise ValueError(
                f"{variable.path} has the shape {arrays[name].shape} there and "
                f"{tuple(variable.shape)} here."
            )
    for name, variable in variables.items():
        variable.assign(arrays[name])
    refresh_normalization(model)
