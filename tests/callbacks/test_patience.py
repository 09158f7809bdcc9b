import keras
import numpy as np
import pytest

from ssl_voc.callbacks import BestWeights, Patience

SCORES = [0.1, 0.5, 0.2, 0.5, 0.1, 0.9, 0.9, 0.0, 0.1]


def build_model():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    return model


def train(folder, scores, num_epochs, killed_after=(), first_epoch=0):
    """The epoch that a training ends after, counted from 1.

    Args:
        killed_after: Epochs after which a new process goes on.
    """
    model, rows = build_model(), []
    while True:
        best = BestWeights(folder, ["val"], rows)
        patience = Patience(best, num_epochs, first_epoch)
        for callback in (best, patience):
            callback.set_model(model)
        if patience.is_over or len(rows) == len(scores):
            return len(rows)
        model.stop_training = False
        for epoch in range(len(rows), len(scores)):
            logs = {"val": scores[epoch]}
            best.on_epoch_end(epoch, logs)
            patience.on_epoch_end(epoch, logs)
            rows.append({"epoch": epoch + 1, **logs})
            if model.stop_training or epoch + 1 in killed_after:
                break


@pytest.mark.parametrize(
    ("num_epochs", "last"),
    # Best in epoch 2 till 6, where an equal one is no better; then in epoch 6.
    [(1, 3), (2, 4), (3, 5), (4, 9), (9, 9)],
)
def test_it_ends_where_the_best_epoch_lies_so_far_back(tmp_path, num_epochs, last):
    assert train(tmp_path / "whole", SCORES, num_epochs) == last
    for epoch in range(1, len(SCORES)):
        folder = tmp_path / f"killed after {epoch}"
        assert train(folder, SCORES, num_epochs, {epoch}) == last


def test_epochs_before_the_phase_do_not_count(tmp_path):
    falling = [0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
    assert train(tmp_path / "whole", falling, 2) == 3
    assert train(tmp_path / "phase", falling, 2, first_epoch=3) == 5


def test_a_detector_that_has_found_nothing_yet_is_not_ended(tmp_path):
    assert train(tmp_path, [0.0, 0.0, 0.0, 0.0, np.nan, np.nan], 2) == 6


def test_no_epochs_are_refused():
    with pytest.raises(ValueError, match="num_epochs=0"):
        Patience(None, 0)
