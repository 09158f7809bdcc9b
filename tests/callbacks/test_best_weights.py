import functools
import pathlib

import keras
import numpy as np
import pytest

from ssl_voc.callbacks import BestWeights, load_best
from ssl_voc.cli.errors import BadInput

NAMES = ("val_top1", "val_mean_iou")


@functools.cache
def build_model():
    """A model of one number, which is the epoch that it was trained to."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    return model


def end_epoch(callback, model, epoch, score):
    """Ends an epoch, counted from 1, and returns the row that the logs would get."""
    model.set_weights([np.full((1, 1), epoch, "float32")])
    callback.set_model(model)
    logs = {"val_top1": score, "val_mean_iou": score, "loss": 1.0}
    callback.on_epoch_end(epoch - 1, logs)
    return {"epoch": epoch, **logs}


def train(folder, scores, first=1, rows=()):
    """Rows of the epochs from `first` on, one for each score."""
    callback, model = BestWeights(folder, NAMES, rows), build_model()
    return [
        end_epoch(callback, model, epoch, score)
        for epoch, score in enumerate(scores, start=first)
    ]


def best_of(folder):
    """The epoch that is loaded, and the epoch that its weights are of."""
    model = build_model()
    model.set_weights([np.zeros((1, 1), "float32")])
    epoch = load_best(model, folder)
    return epoch, int(model.get_weights()[0][0, 0])


def names_in(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([0.1, 0.5, 0.3], 2),
        ([0.1, 0.2, 0.3], 3),
        ([0.9, 0.2, 0.3], 1),
        # Of equals the first, which was trained for less long.
        ([0.2, 0.4, 0.4], 2),
        # A detector that finds nothing yet has learned all the same.
        ([0.0, 0.0, 0.0], 3),
        ([0.0, 0.1, 0.0], 2),
        ([float("nan"), 0.1, float("nan")], 2),
    ],
)
def test_weights_of_the_highest_score_are_loaded(tmp_path, scores, best):
    train(tmp_path, scores)
    assert best_of(tmp_path) == (best, best)


def test_score_is_the_mean_of_the_entries_and_stands_in_the_logs(tmp_path):
    callback = BestWeights(tmp_path, NAMES)
    callback.set_model(build_model())
    logs = {"val_top1": 0.9, "val_mean_iou": 0.5, "val_loss": 7.0}
    callback.on_epoch_end(0, logs)
    assert logs["score"] == pytest.approx(0.7)
    assert set(logs) == {*NAMES, "val_loss", "score"}
    # Better in one of two alone, and worse in the mean.
    worse = {"val_top1": 1.0, "val_mean_iou": 0.3}
    callback.on_epoch_end(1, worse)
    assert load_best(build_model(), tmp_path) == 1


def test_random_kills_end_in_the_weights_of_an_uninterrupted_run(tmp_path):
    random = np.random.default_rng(0)
    for trial in range(30):
        folder = tmp_path / str(trial)
        scores = random.integers(0, 5, 8) / 4
        rows = []
        while len(rows) < len(scores):
            begun = len(rows)
            # The last epoch of a killed process was kept but not written down.
            survived = int(random.integers(0, 4))
            new = train(folder, scores[begun:][: survived + 1], begun + 1, rows)
            at_end = begun + len(new) == len(scores)
            rows += new if at_end and random.random() < 0.5 else new[:survived]
        expected = int(np.argmax(scores)) + 1 if np.any(scores) else len(scores)
        assert best_of(folder) == (expected, expected), (trial, scores)


def test_best_and_the_one_before_are_kept_beside_other_files(tmp_path):
    others = {"epoch_00009.npz", "best_of_all.npz"}
    for name in others:
        (tmp_path / name).write_bytes(b"")
    BestWeights(tmp_path, NAMES)
    assert load_best(build_model(), tmp_path) == 0
    assert load_best(build_model(), tmp_path / "missing") == 0
    train(tmp_path, [0.1, 0.2, 0.1, 0.3, 0.4, 0.0])
    assert names_in(tmp_path) == {"best_00004.npz", "best_00005.npz", *others}


def test_weights_that_a_kill_would_bring_back_are_kept(tmp_path):
    # Of two checkpoints the newer may be damaged: what is behind the other one, of
    # epoch 3, would be trained again.
    others = {"epoch_00003.npz", "epoch_00005.npz"}
    for name in others:
        (tmp_path / name).write_bytes(b"")
    rows = train(tmp_path, [0.1, 0.2, 0.1, 0.3, 0.1, 0.4, 0.5])
    assert names_in(tmp_path) - others == {
        f"best_0000{number}.npz" for number in (2, 4, 6, 7)
    }
    BestWeights(tmp_path, NAMES, rows[:3])
    assert best_of(tmp_path) == (2, 2)


def test_a_callback_that_is_told_of_no_epochs_deletes_nothing(tmp_path):
    train(tmp_path, [0.1, 0.2])
    best = BestWeights(tmp_path, NAMES)
    assert best.best_epoch == 2 and len(names_in(tmp_path)) == 2
    BestWeights(tmp_path, NAMES, rows=[])
    assert not names_in(tmp_path)


def test_an_epoch_without_validation_has_no_score(tmp_path):
    best, logs = BestWeights(tmp_path, NAMES), {"loss": 1.0}
    best.set_model(build_model())
    best.on_epoch_end(0, logs)
    assert logs == {"loss": 1.0} and best.last_epoch == 1
    assert end_epoch(best, build_model(), 2, 0.5)["score"] == 0.5
    assert names_in(tmp_path) == {"best_00002.npz"}


def test_a_kill_while_saving_leaves_the_earlier_best(tmp_path, monkeypatch):
    rows = train(tmp_path, [0.4])

    def write_half(path, **arrays):
        path.write_bytes(b"PK half a file")
        raise KeyboardInterrupt  # like a kill, no ordinary exception

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(np, "savez", write_half)
        train(tmp_path, [0.8], first=2, rows=rows)
    assert best_of(tmp_path) == (1, 1)
    assert names_in(tmp_path) == {"best_00001.npz"}


def test_loaded_statistics_of_pixels_take_effect(tmp_path):
    def build(mean):
        layer = keras.layers.Normalization(mean=None)
        model = keras.Sequential([keras.Input((2,)), layer])
        layer.adapt(np.array([[mean, mean], [mean + 2, mean + 4]], "float32"))
        return model

    model, other = build(3.0), build(100.0)
    callback = BestWeights(tmp_path, NAMES)
    callback.set_model(model)
    callback.on_epoch_end(0, {"val_top1": 0.5, "val_mean_iou": 0.5})
    assert load_best(other, tmp_path) == 1
    x = np.array([[3.0, 9.0]], "float32")
    np.testing.assert_allclose(other(x), model(x), rtol=1e-6)


def save_pickled(path):
    """An array that would write a file where it is unpickled."""

    class Trap:
        def __reduce__(self):
            return pathlib.Path.touch, (path.with_name("trap"),)

    np.savez(path, np.array([Trap()], dtype=object))


@pytest.mark.parametrize(
    "damage",
    [
        save_pickled,
        lambda path: path.write_bytes(path.read_bytes()[:-40]),
        lambda path: path.write_bytes(b""),
        lambda path: np.savez(path, np.zeros(7)),
    ],
)
def test_a_damaged_file_is_named_and_nothing_in_it_is_run(tmp_path, damage):
    train(tmp_path, [0.4])
    damage(tmp_path / "best_00001.npz")
    with pytest.raises(BadInput, match=r"best_00001.npz cannot be read: .*--overwrite"):
        load_best(build_model(), tmp_path)
    assert not (tmp_path / "trap").exists()


def test_an_epoch_of_unknown_score_counts_for_nothing(tmp_path):
    rows = train(tmp_path, [0.4])
    row = {"epoch": 1, "score": None}  # how NaN is logged
    assert BestWeights(tmp_path, NAMES, [row]).best_score == -1.0
    assert BestWeights(tmp_path, NAMES, rows).best_score == pytest.approx(0.4)


def test_weights_of_a_part_of_the_model_are_kept_and_loaded(tmp_path):
    network = build_model()
    whole = keras.Sequential([network, keras.layers.Dense(2)])
    whole.build((None, 1))
    callback = BestWeights(tmp_path, NAMES, network=network)
    network.set_weights([np.full((1, 1), 7, "float32")])
    callback.set_model(whole)
    callback.on_epoch_end(0, {"val_top1": 0.5, "val_mean_iou": 0.5})
    assert best_of(tmp_path) == (1, 7)
