import errno
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import ssl_voc
from ssl_voc.callbacks import Checkpoint, EpochSeeds, last_epoch, restore
from ssl_voc.callbacks import checkpoint as checkpoint_module
from ssl_voc.layers import ProjectionHead, SimCLRAugmenter
from ssl_voc.losses import NTXentLoss
from tests import tiny
from tests.callbacks.saved_epochs import save_epochs
from tests.interpreters import REPOSITORY


def build_model(optimizer=None, seed=0):
    keras.utils.set_random_seed(seed)
    model = ssl_voc.ContrastiveModel(
        tiny.build_backbone(12), SimCLRAugmenter(12, seed=seed), ProjectionHead(8, 4)
    )
    model.build((None, 16, 16, 3))
    model.compile(
        optimizer or keras.optimizers.SGD(0.3, momentum=0.9),
        NTXentLoss(),
        run_eagerly=True,  # quick for a few steps
    )
    return model


def train(model, folder, epochs, initial_epoch=0):
    model.fit(
        tiny.draw_photos(8, size=16),
        batch_size=4,
        shuffle=False,
        initial_epoch=initial_epoch,
        epochs=epochs,
        verbose=0,
        callbacks=[EpochSeeds(0), Checkpoint(folder)],
    )


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "kind", ["sgd", pytest.param("loss scaled", marks=pytest.mark.slow)]
)
def test_restored_model_takes_the_steps_of_the_uninterrupted_one(tmp_path, kind):
    build = {
        "sgd": lambda: keras.optimizers.SGD(0.3, momentum=0.9),
        "loss scaled": lambda: keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(0.3, momentum=0.9), initial_scale=64.0
        ),
    }[kind]
    whole = build_model(build())
    train(whole, tmp_path / "whole", epochs=2)
    train(build_model(build()), tmp_path / "cut", epochs=1)
    # Another process begins with other weights and other draws.
    resumed = build_model(build(), seed=7)
    assert restore(resumed, tmp_path / "cut") == 1
    train(resumed, tmp_path / "cut", epochs=2, initial_epoch=1)
    for variable, other in zip(
        [*resumed.weights, *resumed.optimizer.variables],
        [*whole.weights, *whole.optimizer.variables],
        strict=True,
    ):
        # Kernels on several threads may add up in another order.
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(variable),
            keras.ops.convert_to_numpy(other),
            rtol=1e-4,
            atol=1e-6,
            err_msg=variable.path,
        )


def test_two_newest_are_kept_and_told_by_their_numbers(tmp_path):
    model = save_epochs(tmp_path, 99_998, 99_999, 100_000)
    assert names_in(tmp_path) == ["epoch_100000.npz", "epoch_99999.npz"]
    model.set_weights([np.zeros((1, 1)), np.zeros(1)])
    assert restore(model, tmp_path) == 100_000
    assert float(model.get_weights()[0][0, 0]) == 100_000


def test_writing_takes_no_more_than_its_share_of_the_time(tmp_path, monkeypatch):
    model = save_epochs(tmp_path / "other", 1)
    now, urgent = [0.0], []
    checkpoint = Checkpoint(tmp_path / "run", 0.1, lambda: bool(urgent))
    checkpoint.set_model(model)
    write = checkpoint_module.write_arrays

    def write_slowly(path, arrays):
        write(path, arrays)
        now[0] += 1.0

    monkeypatch.setattr(checkpoint_module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(checkpoint_module, "write_arrays", write_slowly)
    written = []
    for epoch in range(1, 26):
        model.set_weights([np.full((1, 1), epoch), np.zeros(1)])
        now[0] += 1.0
        checkpoint.on_epoch_end(epoch - 1)
        if last_epoch(tmp_path / "run") not in written:
            written.append(last_epoch(tmp_path / "run"))
    # A second of each ten.
    assert written == [1, 10, 19]
    assert checkpoint.is_behind
    checkpoint.on_train_end()
    assert restore(model, tmp_path / "run") == 25
    assert float(model.get_weights()[0][0, 0]) == 25
    assert names_in(tmp_path / "run") == ["epoch_00019.npz", "epoch_00025.npz"]
    for epoch in (26, 27):
        checkpoint.on_epoch_end(epoch - 1)
        urgent.append(epoch)
    assert last_epoch(tmp_path / "run") == 27 and not checkpoint.is_behind


@pytest.mark.parametrize("time_share", [0.0, 1.5])
def test_a_share_of_the_time_is_checked(tmp_path, time_share):
    with pytest.raises(ValueError, match="time_share"):
        Checkpoint(tmp_path, time_share)


@pytest.mark.parametrize(
    "error",
    [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")],
    ids=["a kill", "a full disk"],
)
@pytest.mark.parametrize("step", ["savez", "replace"])
def test_what_ends_a_saving_leaves_the_earlier_checkpoint(
    tmp_path, monkeypatch, error, step
):
    model = save_epochs(tmp_path, 1)

    def fail(path, *values, **arrays):
        if step == "savez":
            path.write_bytes(b"PK")
        raise error

    place = np if step == "savez" else os
    monkeypatch.setattr(place, step, fail)
    checkpoint = Checkpoint(tmp_path)
    checkpoint.set_model(model)
    with pytest.raises(type(error)):
        checkpoint.on_epoch_end(1)
    assert names_in(tmp_path) == ["epoch_00001.npz"]
    assert last_epoch(tmp_path) == 1 == restore(model, tmp_path)


@pytest.mark.slow
def test_a_disk_that_fills_up_raises_and_the_process_ends_well(tmp_path):
    program = """
import resource, sys
from tests.callbacks.saved_epochs import save_epochs

save_epochs(sys.argv[1], 1)
resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
try:
    save_epochs(sys.argv[1], 2)
except OSError as error:
    print(error.strerror)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.strip()) == (0, os.strerror(errno.EFBIG))
    assert "Traceback" not in done.stderr
    assert names_in(tmp_path) == ["epoch_00001.npz"]


def test_without_checkpoint_nothing_is_restored(tmp_path):
    model = save_epochs(tmp_path / "other", 5)
    assert restore(model, tmp_path / "missing") == 0
    (tmp_path / "notes.txt").write_text("epoch_00009.npz")
    (tmp_path / ".unfinished-a.npz").write_bytes(b"")
    assert last_epoch(tmp_path) == 0
    assert float(model.get_weights()[0][0, 0]) == 5


def test_checkpoint_of_another_model_is_named_and_changes_nothing(tmp_path):
    save_epochs(tmp_path, 1, 2)
    others = [
        (build_model(), "optimizer_|weight_"),  # of other numbers of variables
        (
            save_epochs(tmp_path / "wide", 9, units=2),
            r"\(1, 1\) there and \(1, 2\) here",
        ),
    ]
    for other, words in others:
        before = other.get_weights()
        with pytest.raises(ValueError, match=f"epoch_00002.npz is of another.*{words}"):
            restore(other, tmp_path)
        for old, new in zip(before, other.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("damage", ["empty", "another kind", "cut", "one bit"])
def test_damaged_checkpoint_is_named(tmp_path, damage):
    model = save_epochs(tmp_path, 1, 2)
    path = tmp_path / "epoch_00002.npz"
    content = bytearray(path.read_bytes())
    place = content.index(np.float32(2.0).tobytes())  # the kernel
    content[place] ^= 1
    path.write_bytes(
        {
            "empty": b"",
            "another kind": b"damaged",
            "cut": content[:-100],
            "one bit": content,
        }[damage]
    )
    with pytest.raises(ValueError, match="epoch_00002.npz is damaged: .*one before"):
        restore(model, tmp_path)
    path.unlink()
    assert restore(model, tmp_path) == 1
