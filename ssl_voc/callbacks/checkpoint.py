"""Checkpoints of weights and optimizer state after every epoch."""

import re
from pathlib import Path

import keras
from keras import ops

from ssl_voc.distributed import on_all_devices
from ssl_voc.models.cloning import refresh_normalization
from ssl_voc.runs.array_files import numbered, read_arrays, write_arrays
from ssl_voc.runs.start_rules import CHECKPOINT_NAME


class Checkpoint(keras.callbacks.Callback):
    """Saves the model's weights and the optimizer's state after every epoch.

    A file gets its name only when it is complete and on disk, so a kill or a full disk
    leaves the earlier checkpoint. Together with `EpochSeeds` and data ordered by epoch,
    a resumed run computes what an uninterrupted one would.

    Not `save_weights`, which walks over every attribute of the model: with a detector
    and a hundred photos that took a fifth of the time.

    Args:
        folder: Where the two newest checkpoints lie; made if missing.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = Path(folder)

    def on_epoch_end(self, epoch, logs=None):
        """Saves epoch `epoch + 1` and removes what is older than the one before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            name: ops.convert_to_numpy(variable)
            for name, variable in _variables(self.model).items()
        }
        write_arrays(self.folder / f"epoch_{epoch + 1:05d}.npz", arrays)
        for path in list(epoch_files(self.folder, CHECKPOINT_NAME).values())[:-2]:
            path.unlink()


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
    return {
        **numbered("weight", model.weights),
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
