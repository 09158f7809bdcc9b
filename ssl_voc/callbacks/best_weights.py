"""Weights of the epoch with the best validation score."""

from pathlib import Path

import keras

from ssl_voc.callbacks.checkpoint import epoch_files
from ssl_voc.cli.errors import BadInput
from ssl_voc.models.cloning import set_weights
from ssl_voc.runs.array_files import numbered, read_arrays, write_arrays
from ssl_voc.runs.start_rules import CHECKPOINT_NAME

_NAME = r"best_(\d+)\.npz"


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the highest score.

    The score is the mean of some entries of the logs. Of equal scores the first epoch
    is kept; but a score of 0 says that nothing was found yet, and the last one of those
    has learned most. Place it after what adds the entries and before the callback that
    writes the logs, which get the entry `score`.

    Args:
        folder: Where `best_EPOCH.npz` lies, the newest two and what a kill may bring
            back; made if missing. Also where `Checkpoint` writes, if it does.
        names: Names of the entries of the logs, all of which are better when higher.
        rows: Logs of the epochs done before, when a run goes on: dictionaries with
            `"epoch"` and `"score"`. Weights of later epochs are deleted: they will be
            computed again.
        network: Model whose weights they are, where that is a part of the model in
            training; by default it is the model itself.

    Attributes:
        best_score: The highest score so far; -1 before the first epoch.
        best_epoch: Epoch that it is of, counted from 1, 0 for none.
        last_epoch: The last epoch that was looked at, alike.
    """

    def __init__(self, folder, names, rows=None, network=None):
        super().__init__()
        self.network = network
        self.folder = Path(folder)
        self.names = tuple(names)
        self.last_epoch = max((row["epoch"] for row in rows or ()), default=0)
        saved = epoch_files(self.folder, _NAME)
        for epoch, path in saved.items() if rows is not None else ():
            if epoch > self.last_epoch:
                path.unlink()
        scores = [row.get("score") for row in rows or () if row["epoch"] in saved]
        scores = [score for score in scores if score is not None]
        self.best_score = max(scores, default=-1.0)
        self.best_epoch = max(epoch_files(self.folder, _NAME), default=0)

    def on_epoch_end(self, epoch, logs=None):
        """Adds `score` and saves the weights if it is the highest so far.

        An epoch that lacks an entry, such as one without validation, has no score.
        """
        self.last_epoch = epoch + 1
        if not logs.keys() >= {*self.names}:
            return
        score = sum(float(logs[name]) for name in self.names) / len(self.names)
        logs["score"] = score
        if not score > self.best_score and not score == self.best_score == 0.0:
            return
        self.best_score, self.best_epoch = score, epoch + 1
        self.folder.mkdir(parents=True, exist_ok=True)
        # Without the optimizer: it may have changed when these are loaded.
        weights = numbered("weight", (self.network or self.model).get_weights())
        write_arrays(self.folder / f"best_{epoch + 1:05d}.npz", weights)
        saved = epoch_files(self.folder, _NAME)
        numbers = [number for number in saved if number <= epoch + 1]
        # A kill now takes back the newest, and what no checkpoint covers; of the two of
        # these the newer may be damaged.
        covered = min(epoch_files(self.folder, CHECKPOINT_NAME), default=epoch)
        safe = [number for number in numbers[:-1] if number <= covered]
        for number in saved.keys() - {*numbers[max(0, len(safe) - 1) :]}:
            saved[number].unlink()


def load_best(model, folder):
    """Loads the best weights into a model of the architecture that was saved.

    Returns:
        Number of the epoch they are of, counted from 1; 0 where nothing was saved.

    Raises:
        BadInput: when the file is damaged or of another model.
    """
    saved = epoch_files(folder, _NAME)
    if not saved:
        return 0
    epoch = max(saved)
    path = saved[epoch]
    try:
        set_weights(model, list(read_arrays(path).values()))
    except ValueError as error:
        raise BadInput(
            f"The best weights {path} cannot be read: {str(error).splitlines()[0]} "
            "Bring the file back, or begin anew with --overwrite."
        ) from error
    return epoch
