"""`pretrain --objective distill`: figures, the cache, resuming, refusals."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from keras import ops

from ssl_voc.models import load_teacher
from ssl_voc.pretrain import main, pretrain
from ssl_voc.pretrain.objectives.distill import EMBEDDINGS_FILE, DistillObjective
from ssl_voc.runs.run_folder import RunFolder
from tests import tiny
from tests.pretrain.stopped import arrays_in, assert_same_training, rows_of, stop_after


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """Settings of a run that learns from a file of another size and width."""
    path = tiny.save_teacher(tmp_path_factory.mktemp("teacher") / "teacher.keras")
    return {"objective": "distill", "teacher": str(path), "queue_size": 60, "epochs": 3}


@pytest.fixture(scope="module")
def finished(place, taught, tmp_path_factory):
    """A run of three epochs."""
    out = tmp_path_factory.mktemp("distill") / "run"
    return out, pretrain(place.config(out, **taught))


@pytest.fixture(scope="module")
def cached(place, taught, tmp_path_factory):
    """The same from embeddings of the photos."""
    out = tmp_path_factory.mktemp("cached") / "run"
    return out, pretrain(place.config(out, **taught, teacher_cache=True))


def test_run_learns_both_losses_and_tells_of_them(finished):
    run, summary = finished
    first, *_, last = rows_of(run)
    for name in ("loss", "global_loss", "spatial_loss", "loss_over_chance"):
        assert last[name] < first[name]
        assert summary[name] == last[name]
    # One spatial loss, whose weight is 1.
    assert last["loss"] == pytest.approx(
        last["global_loss"] + last["spatial_loss"], rel=1e-4
    )
    assert last["loss_over_chance"] == pytest.approx(last["global_loss"] / np.log(60))
    assert "knn_top1_gain" in summary
    assert {path.name for path in run.glob("*.png")} == {"views.png", "curves.png"}
    assert not (run / EMBEDDINGS_FILE).exists()


def test_checkpoints_leave_the_teacher_out_and_another_one_is_refused(
    place, taught, finished, tmp_path
):
    config = place.config(tmp_path, **taught).resolved()
    objective = DistillObjective(config)
    saved = [array for array in arrays_in(finished[0]).values() if array.ndim == 4]
    for kernel in objective.teacher.get_weights():
        assert not any(np.array_equal(kernel, array) for array in saved)
    manifest = json.loads((finished[0] / "manifest.json").read_text())
    shutil.copytree(finished[0] / "checkpoints", tmp_path / "checkpoints")
    run = RunFolder(tmp_path, None, resuming=True, manifest=manifest)
    objective.record(run)
    manifest["teacher_sha256"] = "of another"
    with pytest.raises(ValueError, match="^--teacher: .*other weights"):
        objective.record(run)


def test_another_teacher_may_be_named_where_embeddings_are_kept_and_no_longer(tmp_path):
    objective = DistillObjective.__new__(DistillObjective)
    objective.config = SimpleNamespace(
        batch_size=2, queue_size=4, teacher="teacher.keras", teacher_cache=True
    )
    objective.teacher = SimpleNamespace(
        get_weights=lambda: [np.ones(3)], count_params=lambda: 3
    )
    objective.pool = range(5)
    run = RunFolder(tmp_path, None, resuming=True, manifest={"teacher_sha256": "other"})
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "epoch_00001.npz").touch()
    with pytest.raises(ValueError, match="^--teacher: .*other weights"):
        objective.record(run)
    np.save(tmp_path / EMBEDDINGS_FILE, np.ones((5, 3)))
    objective.record(run)
    assert objective.targets.shape == (5, 3)
    assert run.manifest["teacher_sha256"] == "other", "that of the embeddings"


@pytest.mark.slow
def test_a_run_may_teach_the_next_one(place, taught, finished, tmp_path):
    changes = {**taught, "teacher": str(finished[0]), "epochs": 1}
    summary = pretrain(place.config(tmp_path / "run", **changes))
    assert np.isfinite(summary["loss"])


def test_cache_holds_the_teachers_embeddings_of_the_photos_in_their_order(
    place, taught, tmp_path
):
    import pipelines

    config = place.config(tmp_path, **taught, teacher_cache=True).resolved()
    run = RunFolder(tmp_path, None, resuming=False, manifest={})
    DistillObjective(config).record(run)
    photos = pipelines.read([str(place.photos)])
    images = pipelines.prepare(photos, 37).gather(np.arange(len(photos)))
    teacher = load_teacher(taught["teacher"], 32)
    expected = ops.convert_to_numpy(teacher(images)[0])
    found = np.load(tmp_path / EMBEDDINGS_FILE)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_run_from_the_cache_learns_no_maps_and_saves_no_teacher(cached):
    run, summary = cached
    assert "spatial_loss" not in summary and summary["loss_over_chance"] < 1.0
    # The teacher itself is no part of the model.
    assert len(arrays_in(run)) < 100


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["finished", "cached"])
def test_stopped_it_goes_on_as_if_never_stopped(
    place, taught, tmp_path, kind, request, monkeypatch
):
    whole, _ = request.getfixturevalue(kind)
    out = tmp_path / "run"
    config = place.config(out, **taught, teacher_cache=kind == "cached")
    stop_after(2, config)
    pretrain(config)
    assert_same_training(out, whole)


@pytest.mark.slow
def test_embeddings_of_a_run_that_never_began_are_not_taken_over(
    place, taught, cached, tmp_path
):
    out = tmp_path / "run"
    config = place.config(out, **taught, teacher_cache=True)
    out.mkdir()
    np.save(out / EMBEDDINGS_FILE, np.zeros((44, 12), "float32"))
    (out / "manifest.json").write_text((cached[0] / "manifest.json").read_text())
    pretrain(config)
    assert_same_training(out, cached[0])


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), "--teacher: required. Expected text."),
        (("--teacher", "no/such.keras"), "--teacher: no/such.keras does not exist."),
        (("--teacher", __file__), f"{__file__} cannot be loaded"),
    ],
)
def test_a_teacher_that_cannot_teach_is_told_in_one_line(
    place, tmp_path, capsys, flags, words
):
    arguments = place.flags(tmp_path / "run", objective="distill")
    assert main([*arguments, *flags]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"error: {words}")
