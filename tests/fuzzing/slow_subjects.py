"""Files of models and runs, and requests to a served model: TensorFlow reads them."""

import contextlib
import functools
import pathlib
import shutil
import tempfile

import tensorflow as tf

import pipelines
import ssl_voc
from ssl_voc.cli import flags
from ssl_voc.cli.errors import StoppedEarly
from ssl_voc.finetune import FinetuneConfig, finetune
from ssl_voc.finetune.run import FinetuningRun
from ssl_voc.predict import PredictConfig, predict
from ssl_voc.runs.run_folder import RunFolder
from ssl_voc.serving.served_model import ServedModel
from ssl_voc.serving_client.prediction import read_batch
from ssl_voc.tasks import TASKS
from ssl_voc.training.input_checks import refuse_missing_inputs
from ssl_voc.training.run import run_training
from tests import tiny
from tests.fuzzing.subjects import SIZE, encoded
from tests.serving.artifacts import build_small_localizer

SIDE = 32
_FOLDER = tempfile.TemporaryDirectory(prefix="fuzzing-")


def backbone(folder, content):
    """A `.keras` file as `--backbone`."""
    (folder / "backbone.keras").write_bytes(content)
    ssl_voc.backbone(folder / "backbone.keras", SIDE)


def weights_keras(folder, content):
    """A `.keras` file as `--weights`."""
    _load_weights(folder / "weights.keras", content)


def weights_h5(folder, content):
    """An `.h5` file as `--weights`."""
    _load_weights(folder / "backbone.weights.h5", content)


def request(folder, content):
    """A photo sent to a served model, beside one that it must not harm."""
    images = tf.constant([content, encoded("PNG")])
    outputs = _served_model()(image_bytes=images)
    outputs = {name: value.numpy() for name, value in outputs.items()}
    _, neighbor = read_batch(outputs)
    assert len(neighbor) == 1 and not neighbor.error, neighbor


class _Untrained(FinetuningRun):
    """A run that goes on without learning anything more."""

    def fit(self):
        pass


def _resumed_with(name):
    """A file of a run that was stopped before its end, which goes on with it."""

    def resumed(folder, content):
        run = _copy_run(folder, name, content)
        (run / "summary.json").unlink()
        (run / "model.keras").unlink()
        with _told_in_one_line():
            config = flags.parse(FinetuneConfig, ["--resume", str(run)], "finetune", "")
            config = config.resolved()
            refuse_missing_inputs(config)
            with RunFolder.open(config.out, config, "finetune") as opened:
                run_training(lambda: _Untrained(config, opened))

    resumed.__name__ = f"resumed {pathlib.Path(name).name}"
    return resumed


def _predicted_with(name):
    """A file of a finished run, which predicts a photo."""

    def predicted(folder, content):
        run = _copy_run(folder, name, content)
        shutil.rmtree(folder / "found", ignore_errors=True)
        photo = folder / "photo.png"
        photo.write_bytes(encoded("PNG"))
        config = PredictConfig(
            images=(str(photo),), model=str(run), out=folder / "found"
        )
        with _told_in_one_line():
            predict(config)

    predicted.__name__ = f"predicted {name}"
    return predicted


@contextlib.contextmanager
def _told_in_one_line():
    """Lets pass what a command tells in one line; all else is a defect."""
    with contextlib.suppress(StoppedEarly):
        try:
            yield
        except (ValueError, OSError) as error:
            raise AssertionError(f"ends in a traceback: {error!r}") from error


def _load_weights(path, content):
    path.write_bytes(content)
    ssl_voc.backbone(_place() / "tiny.keras", SIDE, weights=path)


def _copy_run(folder, name, content):
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(_place() / "run", run)
    (run / name).write_bytes(content)
    return run


@functools.cache
def _place():
    """Folder of photos, backbones and a finished run."""
    place = pathlib.Path(_FOLDER.name)
    tree = tiny.write_voc(place / "voc", 60, 12, size=SIZE)
    backbone = ssl_voc.backbone(tiny.save_backbone(place / "tiny.keras"), SIDE)
    backbone.save_weights(place / "tiny.weights.h5")
    config = FinetuneConfig(
        data=(str(tree),),
        backbone=str(place / "tiny.keras"),
        out=place / "run",
        image_size=SIDE,
        epochs=2,
        val_share=0.15,
    )
    finetune(config)
    return place


@functools.cache
def _served_model():
    served = ServedModel(
        build_small_localizer(),
        rank=TASKS["localize"].rank,
        class_names=(*tiny.COLORS,),
        letterbox=pipelines.letterbox,
        boxes_from_letterbox=pipelines.boxes_from_letterbox,
        max_pixels=1_000_000,
    )
    function = served.signatures()["serving_default"]
    function.of = served  # which holds the weights
    return function


def _files(*patterns):
    return [path.read_bytes() for each in patterns for path in _place().glob(each)]


def _of_run(subject_of, *names):
    return {
        subject_of(name): functools.partial(_files, f"run/{name}") for name in names
    }


# What reads, and good files for it.
SLOW_SUBJECTS = {
    backbone: lambda: _files("tiny.keras"),
    weights_keras: lambda: _files("tiny.keras"),
    weights_h5: lambda: _files("tiny.weights.h5"),
    request: lambda: [encoded("JPEG"), encoded("PNG")],
    **_of_run(_predicted_with, "model.keras", "manifest.json", "config.yaml"),
    **_of_run(
        _resumed_with,
        "manifest.json",
        "config.yaml",
        "metrics.jsonl",
        "checkpoints/epoch_00002.npz",
        "checkpoints/best_00002.npz",
    ),
}
