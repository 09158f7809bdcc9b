"""`python -m ssl_voc.export`: artifacts, parity with the model, refusals."""

import contextlib
import io
import shutil

import numpy as np
import pytest
import tensorflow as tf

import pipelines
from pipelines.scenes import dataset
from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate import EvaluateConfig, evaluate
from ssl_voc.export import ExportConfig, artifact, export, main
from ssl_voc.export.parity import ask_artifact
from ssl_voc.export.parity_photos import load_parity_photos
from ssl_voc.runs.finished_run import HELD_OUT_LIST, read_finished_run
from ssl_voc.runs.json_files import read_json
from tests.dtype_policies import dtype_policy
from tests.evaluate.detection_oracle import write_detection_run
from tests.evaluate.oracle import (
    NAMES,
    NUM_TRAIN,
    NUM_VAL,
    SIDE,
    record,
    write_run,
    write_tree,
)
from tests.serving.artifacts import build_small_detector, build_small_localizer, write
from tests.tiny import build_plain_backbone

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory, localizer_run, tree):
    """A run that holds out photos, and was evaluated on them."""
    folder = tmp_path_factory.mktemp("evaluated") / "pets"
    shutil.copytree(localizer_run, folder)
    record(folder / HELD_OUT_LIST, pipelines.read(str(tree), "val"))
    evaluate(EvaluateConfig(run=folder, split="val", cache="none"))
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory, run):
    """Folder of the versions, and what was printed."""
    out = tmp_path_factory.mktemp("saved_models") / "pets"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main([str(run), "--out", str(out), "--license", "MIT"]) == 0
    return out, printed.getvalue()


def test_artifact_answers_what_evaluate_wrote(exported, run, tree):
    version = exported[0] / "1"
    files = [tree / f"JPEGImages/p{n:02}.png" for n in range(NUM_TRAIN, NUM_TRAIN + 6)]
    signature = tf.saved_model.load(str(version)).signatures["serving_default"]
    photos = tf.constant([file.read_bytes() for file in files])
    answer = signature(image_bytes=photos)
    rows = read_json(run / "evaluation-val/predictions.json")
    corners = np.array([row["bbox"] for row in rows])
    corners[:, 2:] += corners[:, :2]
    # What evaluate writes is rounded to hundredths.
    np.testing.assert_allclose(answer["boxes"][:, 0], corners, atol=0.011)
    labels = [row["category_id"] for row in rows]
    np.testing.assert_array_equal(answer["classes"][:, 0], labels)
    scores = [row["score"] for row in rows]
    np.testing.assert_allclose(answer["scores"][:, 0], scores, atol=1e-5)
    metrics = read_json(run / "evaluation-val/metrics.json")
    parity = read_json(version / "ssl_voc.json")["parity"]
    assert parity["num_photos"] == NUM_VAL and parity["source"] == HELD_OUT_LIST
    assert parity["of_model"] == pytest.approx(metrics["mean_iou"], abs=1e-6)
    assert parity["of_artifact"] == pytest.approx(metrics["mean_iou"], abs=1e-5)


def test_version_folder_and_terminal_say_what_it_is(exported, run):
    out, printed = exported
    version = out / "1"
    assert {path.name for path in out.iterdir()} == {".lock", "1"}
    facts = read_json(version / "ssl_voc.json")
    assert facts["format_version"] == 1 and facts["task"] == "localize"
    assert facts["class_names"] == [*NAMES] and facts["image_size"] == SIDE
    assert {"preprocessing", "metrics", "config", "parity"} <= {*facts}
    metrics = read_json(run / "evaluation-val/metrics.json")
    assert facts["metrics"]["evaluation-val"]["top1"] == metrics["top1"]
    card = (version / "README.md").read_text()
    for text in (*NAMES, f"{metrics['mean_iou']:.3f}", "MIT", "Limits", "evaluation"):
        assert text in card
    assert (version / "assets.extra/tf_serving_warmup_requests").stat().st_size
    for text in (f"wrote {version}", "boxes", "mean_iou", "latency", "operations"):
        assert text in printed


def test_detector_is_exported_with_equal_average_precision(tmp_path, tree):
    run = write_detection_run(tmp_path / "run", tree, build_small_detector(SIDE))
    facts = export(
        ExportConfig(run=run, out=tmp_path / "out", data=(str(tree),), split="val")
    ).facts
    assert facts["parity"]["figure"] == "voc10_ap50"
    assert facts["parity"]["of_artifact"] == facts["parity"]["of_model"]
    assert facts["parity"]["num_unmatched"] == 0
    card = (tmp_path / "out/1/README.md").read_text()
    assert "was not evaluated" in card and "all objects" in card


def test_other_preprocessing_than_the_models_is_found(
    tmp_path, run, monkeypatch, capsys
):
    letterbox = pipelines.letterbox

    def shifted(pixels, size):
        return tf.roll(letterbox(pixels, size), 1, axis=1)

    monkeypatch.setattr(artifact.pipelines, "letterbox", shifted)
    out = tmp_path / "saved" / "pets"
    assert main([str(run), "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: RUN: ") and str(run) in line
    assert "box difference" in line and "Nothing was exported" in line
    assert not out.exists()


def test_artifact_that_tensorflow_alone_cannot_use_is_refused(tmp_path):
    version = write(build_small_localizer(), tmp_path / "1")
    (version / "variables/variables.index").unlink()
    with pytest.raises(BadInput, match="cannot be used with tensorflow alone"):
        ask_artifact(version, [b""])


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--name", "a/b"], "--name: expected the name of a folder"),
        (["--data", "nowhere"], "nowhere"),
        (["--data", "nowhere", "--split", "val"], "--data: nowhere does not exist"),
        (["--split", "nights"], "no split 'nights'"),
        (["--format", "pickle"], "savedmodel"),
        (["--max-megapixels", "1e14"], "--max-megapixels"),
        (["--out", "{run}"], "--out: {run} holds a run"),
        (["--out", "{run}/model.keras"], "is a file. Name a folder"),
    ],
)
def test_flags_that_do_not_fit_are_refused_in_one_line(
    flags, complaint, run, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main([str(run), *(flag.format(run=run) for flag in flags)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert complaint.format(run=run) in line
    assert not (tmp_path / "saved_models").exists()


def test_photos_are_those_named_else_held_out_else_drawn(
    run, tree, tmp_path, monkeypatch
):
    finished = read_finished_run(run)
    held = load_parity_photos(ExportConfig(run=run, num_photos=2), finished)
    assert held.source == HELD_OUT_LIST and held.labelled and len(held.encoded) == 2
    # Spread over the list.
    assert [photo.image_id for photo in held.photos] == ["p08", "p11"]
    more = load_parity_photos(ExportConfig(run=run, num_photos=4), finished)
    assert len(more.photos) == 4 < NUM_VAL
    named = ExportConfig(run=run, data=(str(tree),), split="train")
    assert len(load_parity_photos(named, finished).photos) == NUM_TRAIN
    split = ExportConfig(run=run, split="train").resolved(finished)
    assert len(load_parity_photos(split, finished).photos) == NUM_TRAIN
    unsplit = (str(write_tree(tmp_path / "tree", lists=False)),)
    held_out = ExportConfig(run=run, data=unsplit, split="held-out", num_photos=2)
    photos = load_parity_photos(held_out, finished).photos
    assert [photo.image_id for photo in photos] == ["p08", "p11"]
    alone = shutil.copytree(run, tmp_path / "alone")
    (alone / HELD_OUT_LIST).unlink()
    monkeypatch.setattr(dataset, "scenes_folder", lambda progress: tree)
    monkeypatch.setattr(type(finished), "class_names", ("zebra",))
    held = load_parity_photos(ExportConfig(run=alone), read_finished_run(alone))
    assert held.source == "drawn scenes" and not held.labelled
    assert held.images.shape == (NUM_VAL, SIDE, SIDE, 3)
    np.testing.assert_array_equal(held.sizes[:2], [(64, 96), (96, 64)])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_run_of_mixed_precision_is_exported_in_float32(
    policy, tmp_path, tree, capsys
):
    with dtype_policy(policy):
        model = build_small_localizer(
            build=lambda: build_plain_backbone(SIDE), num_classes=len(NAMES)
        )
    run = write_run(tmp_path / "run", tree, model)
    flags = ["--out", str(tmp_path / "out"), "--data", str(tree), "--split", "val"]
    assert main([str(run), *flags]) == 0
    rounding = read_json(tmp_path / "out/1/ssl_voc.json")["full_precision"]
    assert rounding["trained_in"] == policy.removeprefix("mixed_")
    assert 0 < rounding["score_difference"] < 0.1
    printed = capsys.readouterr().out
    assert f"exported in float32, trained in {rounding['trained_in']}" in printed
