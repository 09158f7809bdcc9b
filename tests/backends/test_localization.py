"""A localizer, and the `finetune` command, where tensorflow cannot be imported."""

import json
import pathlib

import keras
import numpy as np
import pytest

import pipelines
import ssl_voc.models
from tests import tiny
from tests.pretrain.stopped import rows_of

PROGRAM = pathlib.Path(__file__).with_name("localize_arrays.py")

pytestmark = pytest.mark.slow


def test_a_saved_localizer_predicts_the_same_and_learns(
    run_without_tensorflow, backbone_file, tmp_path
):
    model = tiny.build_localizer(lambda: ssl_voc.backbone(backbone_file, 32))
    optimizer = keras.optimizers.Adam(5e-3)
    tiny.compile_localizer(model, optimizer=optimizer, run_eagerly=False)
    model.save(tmp_path / "model.keras")
    batch = tiny.labeled_batch(8)
    # One photo has nothing to learn from.
    batch["bounding_boxes"]["classes"][3] = -1
    arrays = {"images": batch["images"], **batch["bounding_boxes"]}
    np.savez(tmp_path / "given.npz", **arrays)
    files = [tmp_path / name for name in ("given.npz", "model.keras", "computed.npz")]
    run_without_tensorflow(PROGRAM, *files)
    with np.load(tmp_path / "computed.npz") as file:
        computed = dict(file)
    assert not computed["tensorflow"]
    expected = {
        **model.predict(batch["images"], verbose=0),
        **model.evaluate(batch, verbose=0, return_dict=True),
    }
    assert {"boxes", "scores", "loss", "attention_loss", "classes_top1"} <= set(
        expected
    )
    for name, values in expected.items():
        np.testing.assert_allclose(
            computed[name], values, rtol=1e-4, atol=1e-4, err_msg=name
        )
    assert computed["losses"][-1] < 0.4 * computed["losses"][0]
    np.testing.assert_allclose(computed["losses_apart"], computed["losses"], rtol=1e-2)
    assert computed["trained_top1"] == 1.0 and computed["trained_iou"] > 0.4
    np.testing.assert_allclose(
        computed["reloaded_boxes"], computed["trained_boxes"], atol=1e-3
    )


def test_finetune_command_goes_from_prepared_photos_to_a_model(
    run_without_tensorflow, backend, backbone_file, tmp_path
):
    tree, run = tiny.write_voc(tmp_path / "voc", 60), tmp_path / "run"
    # Letterboxing is tensorflow's, so that a server can share it; it was done before.
    photos = pipelines.read(tree, "all")
    for part in pipelines.split_validation(photos, 0.15, 0):
        pipelines.prepare_labeled(part, 32, main_object_only=True, cache="disk")
    command = ["-m", "ssl_voc.finetune", "--data", tree, "--train-split", "all"]
    flags = f"--backbone {backbone_file} --image-size 32 --batch-size 16 --epochs 3"
    command += [*flags.split(), "--schedule", "staged", "--unfreeze-epoch", "1"]
    command += ["--learning-rate", "0.05", "--ema", "0.9", "--val-share", "0.15"]
    run_without_tensorflow(*command, "--cache", "disk", "--out", run)
    assert json.loads((run / "manifest.json").read_text())["backend"] == backend
    rows = rows_of(run)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert rows[2]["loss"] < rows[0]["loss"]
    assert 0.0 <= rows[2]["val_mean_iou"] <= 1.0
    # The model of another backend is one of this.
    model = keras.models.load_model(run / "model.keras")
    photos, _, _ = tiny.draw_objects(2, 32)
    assert model.predict(photos, verbose=0)["boxes"].shape == (2, 1, 4)
