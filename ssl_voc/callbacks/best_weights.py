"""Weights of the epoch with the best validation score."""

import re
from pathlib import Path

import keras
import numpy as np

from ssl_voc.models.cloning import set_weights
from ssl_voc.runs.atomic_files import replacing

_NAME = re.compile(r"best_(\d+)\.npz")


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the highest score.

    The score is the mean of some entries of the logs. Of equal scores the first epoch
    is kept; but a score of 0 says that nothing was found yet, and the last one of those
    has learned most. Place it after what adds the entries and before the callback that
    writes the logs, which get the entry `score`.

    Args:
        folder: Where `best_EPOCH.npz` lies; made if missing.
        names: Names of the entries of the logs, all of which are better when higher.
        rows: Logs of the epochs done before, when a run goes on: dictionaries with
            `"epoch"` and `"score"`.
    """

    def __init__(self, folder, names, rows=()):
        super().__init__()
        self.folder = Path(folder)
        self.names = tuple(names)
        done = max((row["epoch"] for row in rows), default=0)
        # What the epoch at hand saved before a kill will be computed again.
        for epoch, path in _saved(self.folder):
            if epoch > done:
                path.unlink()
        scores = {row["epoch"]: row["score"] for row in rows if "score" in row}
        kept = [epoch for epoch, _ in _saved(self.folder) if epoch in scores]
        self.best_score = max((scores[epoch] for epoch in kept), default=-1.0)

    def on_epoch_end(self, epoch, logs=None):
        """Adds `score` and saves the weights if it is the highest so far."""
        score = sum(float(logs[name]) for name in self.names) / len(self.names)
        logs["score"] = score
        if not score > self.best_score and not score == self.best_score == 0.0:
            return
        self.best_score = score
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.folder / f"best_{epoch + 1:05d}.npz") as temporary:
            # Without the optimizer: it may have changed when these are loaded.
            np.savez(temporary, *self.model.get_weights())
        # The one before stays: a kill now would take the newest back.
        for _, path in _saved(self.folder)[:-2]:
            path.unlink()


def load_best(model, folder):
    """Loads the best weights into a model of the architecture that was saved.

    Returns:
        Number of the epoch they are of, counted from 1; 0 where nothing was saved.
    """
    saved = _saved(Path(folder))
    if not saved:
        return 0
    epoch, path = saved[-1]
    with np.load(path) as arrays:
        set_weights(model, [arrays[name] for name in arrays.files])
    return epoch


def _saved(folder):
    if not folder.is_dir():
        return []
    matches = [(_NAME.fullmatch(path.name), path) for path in folder.iterdir()]
    return sorted((int(match[1]), path) for match, path in matches if match)
