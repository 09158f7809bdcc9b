"""`SemiSupervisedModel`: photos without boxes, learned by the labels of a teacher."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc import layers
from ssl_voc.callbacks import Checkpoint, restore
from ssl_voc.models import PseudoLabeler, SemiSupervisedModel
from tests import tiny
from tests.dtype_policies import dtype_policy

SIZE = 64


def build_student(kind):
    if kind == "detector":
        student = tiny.build_detector(SIZE, max_detections=20)
        tiny.with_usual_weights(student)
        for _, (*_, layer) in student.head.towers:
            layer.kernel.assign(0.3 * layer.kernel)  # scores that differ
        return student
    student = tiny.build_localizer(
        lambda: tiny.build_deep_backbone(SIZE), num_classes=3
    )
    random = np.random.default_rng(0)
    for layer in (student.head.classifier, student.head.votes):
        layer.kernel.assign(random.normal(0.0, 0.1, layer.kernel.shape))
    return student


def build_labels(kind):
    if kind == "detector":
        return layers.ObjectPseudoLabels(3, 0.6, 0.0, least_score=0.0, max_objects=20)
    return layers.MainObjectPseudoLabels(3, 0.3, min_iou=0.0)


def labels_of(model, images):
    """What the teacher gives, after thresholds that half of its labels reach."""
    found = model.labeler.predict(images, verbose=0)["found_confidence"]
    chooser = model.labeler.pseudo_labels
    chooser.thresholds.assign([np.median(found[found > 0])] * 3)
    labels = model.labeler.predict(images, verbose=0)
    sure = (labels["classes"] >= 0) & ~labels["difficult"]
    assert sure.any() and labels["difficult"].any()
    return labels, sure


def build(kind, **compiled):
    model = SemiSupervisedModel(build_student(kind), build_labels(kind), momentum=0.9)
    model.labeler.run_eagerly = True  # quick for a single prediction
    model.compile(
        keras.optimizers.SGD(0.01),
        **{"run_eagerly": True, "jit_compile": False, **compiled},
    )
    return model


def batch_of(kind, num_labelled=4, num_others=6):
    batch = tiny.detection_batch(num_labelled, SIZE)
    if kind == "localizer":
        del batch["difficult"]
    batch["unlabeled"] = tiny.detection_batch(num_others, SIZE, seed=1)["images"]
    return batch


def to_numpy(outputs):
    return keras.tree.map_structure(ops.convert_to_numpy, outputs)


# The suppression of a detector is slow in single steps.
LOCALIZER_FIRST = pytest.mark.parametrize(
    "kind", ["localizer", pytest.param("detector", marks=pytest.mark.slow)]
)


@LOCALIZER_FIRST
def test_labels_are_those_of_the_photos_and_of_the_mirrored_ones(kind):
    student, chooser = build_student(kind), build_labels(kind)
    labeler = PseudoLabeler(student, chooser)
    labeler.run_eagerly = True  # quick for a single prediction
    images = tiny.draw_photos(3, SIZE)
    labels = labeler.predict(images, verbose=0)
    found, mirrored = (
        student.predict(views, verbose=0) for views in (images, images[:, :, ::-1])
    )
    for row, place in np.ndindex(mirrored["classes"].shape):
        left, top, right, bottom = mirrored["boxes"][row, place]
        mirrored["boxes"][row, place] = SIZE - right, top, SIZE - left, bottom
    if kind == "localizer":
        found["agreement"] = student(images.astype("float32"))["agreement"]
    expected = to_numpy(chooser(found, mirrored))
    for name, values in expected.items():
        np.testing.assert_allclose(labels[name], values, rtol=1e-4, atol=1e-3)
    for name in ("boxes", "classes", "confidence"):
        np.testing.assert_allclose(
            labels[f"found_{name}"], found[name], rtol=1e-4, atol=1e-3
        )


@LOCALIZER_FIRST
def test_without_mirrors_labels_are_confirmed_in_moved_photos(kind):
    student, chooser = build_student(kind), build_labels(kind)
    images = tiny.draw_photos(3, SIZE)
    labeler = PseudoLabeler(student, chooser, mirrors=False)
    labeler.run_eagerly = True
    labels = labeler.predict(images, verbose=0)
    moved = np.zeros_like(images)
    moved[:, 4:, 4:] = images[:, :-4, :-4]
    found, again = (student.predict(views, verbose=0) for views in (images, moved))
    exists = again["classes"][..., None] >= 0
    again["boxes"] = np.where(exists, again["boxes"] - 4.0, -1.0)
    if kind == "localizer":
        found["agreement"] = student(images.astype("float32"))["agreement"]
    for name, values in to_numpy(chooser(found, again)).items():
        np.testing.assert_allclose(labels[name], values, rtol=1e-4, atol=1e-3)


@LOCALIZER_FIRST
def test_loss_is_that_of_all_photos_with_boxes_given_and_found(kind):
    model, batch = build(kind), batch_of(kind)
    labels, sure = labels_of(model, batch["unlabeled"])
    # Where nothing is sure, and where boxes were cut, a difficult box covers all.
    unknown = ~labels["is_told"]
    assert unknown[~sure.any(axis=1)].all()
    whole = np.array([0.0, 0.0, SIZE, SIZE], "float32")
    covers = {
        "boxes": np.where(unknown[:, None], whole, -1.0)[:, None],
        "classes": np.where(unknown, 0.0, -1.0)[:, None],
        "difficult": unknown[:, None],
    }
    labels = {
        name: np.concatenate([labels[name], values], axis=1).astype(labels[name].dtype)
        for name, values in covers.items()
    }
    width = max(4, labels["classes"].shape[1])

    def pad(values, fill):
        rest = [(0, 0)] * (values.ndim - 2)
        missing = (0, width - values.shape[1])
        return np.pad(values, [(0, 0), missing, *rest], constant_values=fill)

    given = batch["bounding_boxes"]
    joined = {
        "images": np.concatenate([batch["images"], batch["unlabeled"]]),
        "bounding_boxes": {
            name: np.concatenate([pad(given[name], -1), pad(labels[name], -1)])
            for name in ("boxes", "classes")
        },
        "difficult": np.concatenate(
            [np.zeros((4, width), "bool"), pad(labels["difficult"], False)]
        ),
    }
    student = model.student
    joined = keras.tree.map_structure(ops.convert_to_tensor, joined)
    wanted = student.compute_loss(y_pred=student(joined, training=True))
    found = model.compute_loss(y_pred=model(batch, training=True), training=False)
    assert float(found) == pytest.approx(float(wanted), rel=1e-5)


def test_weights_of_labelled_photos_leave_those_of_the_pool_at_one():
    model, batch = build("localizer", steps_per_execution=3), batch_of("localizer")
    assert model.steps_per_execution == 3
    labels_of(model, batch["unlabeled"])
    outputs = model(batch, training=True)

    def loss(weights):
        found = model.compute_loss(
            y_pred=outputs, sample_weight=weights, training=False
        )
        return float(found)

    assert loss(np.ones(4, "float32")) == pytest.approx(loss(None), rel=1e-5)
    assert loss(np.zeros(4, "float32")) != pytest.approx(loss(None), rel=1e-2)


def test_metrics_are_of_the_photos_with_boxes_alone(monkeypatch):
    model, batch = build("localizer"), batch_of("localizer")
    outputs, seen = model(batch, training=True), []
    monkeypatch.setattr(
        model.student, "compute_metrics", lambda x, y, y_pred, _: seen.append(y_pred)
    )
    weights = np.ones(4, "float32")
    model.compute_metrics(None, None, outputs, weights)
    (y_pred,) = seen
    assert {len(values) for values in keras.tree.flatten(y_pred)} == {4}
    np.testing.assert_array_equal(y_pred["classes"], outputs["classes"][:4])


@LOCALIZER_FIRST
def test_training_moves_student_and_teacher_and_says_how_many_photos_are_used(kind):
    model, batch = build(kind), batch_of(kind)
    networks = model.labeler.teacher.network, model.student
    before = [network.get_weights() for network in networks]
    _, sure = labels_of(model, batch["unlabeled"])
    logs = model.train_on_batch(batch, return_dict=True)
    assert logs["pool_used"] == pytest.approx(sure.any(axis=1).mean())
    model.train_on_batch(batch)
    moved_teacher, moved_student = (
        max(
            np.abs(one - two).max()
            for one, two in zip(weights, network.get_weights(), strict=True)
        )
        for weights, network in zip(before, networks, strict=True)
    )
    assert 0.0 < moved_teacher < moved_student


@LOCALIZER_FIRST
def test_batches_without_such_photos_train_evaluate_and_predict_as_the_student(kind):
    model, alone = build(kind), build_student(kind)
    alone.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    batch = batch_of(kind)
    images = batch.pop("unlabeled")
    for step in ("train_on_batch", "test_on_batch"):
        logs, wanted = (
            getattr(m, step)(batch, return_dict=True) for m in (model, alone)
        )
        assert logs.keys() == wanted.keys()
        for name, value in wanted.items():
            assert logs[name] == pytest.approx(value, rel=1e-5), name
    found, wanted = (m.predict(images, verbose=0) for m in (model, alone))
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-3)


@pytest.mark.slow
def test_fit_compiles_and_the_student_alone_is_saved(tmp_path):
    model = build("detector", run_eagerly=False)
    model.fit(batch_of("detector", 4, 4), batch_size=4, epochs=2, verbose=0)
    model.student.save(tmp_path / "student.keras")
    copy = keras.models.load_model(tmp_path / "student.keras")
    assert len(copy.weights) == len(model.student.weights)
    assert not any("teacher" in weight.path for weight in copy.weights)
    images = tiny.draw_photos(2, SIZE)
    np.testing.assert_allclose(
        copy.predict(images, verbose=0)["boxes"],
        model.predict(images, verbose=0)["boxes"],
        rtol=1e-4,
        atol=1e-3,
    )


def test_the_whole_model_is_not_saved_and_says_what_to_save(tmp_path):
    with pytest.raises(NotImplementedError, match="model.student.save"):
        build("localizer").save(tmp_path / "model.keras")


def test_checkpoints_hold_teacher_and_thresholds(tmp_path):
    model, other = build("localizer"), build("localizer")
    for _ in range(2):
        model.train_on_batch(batch_of("localizer"))
    model.labeler.pseudo_labels.thresholds.assign([0.2, 0.3, 0.4])
    checkpoint = Checkpoint(tmp_path)
    checkpoint.set_model(model)
    checkpoint.on_epoch_end(0)
    assert restore(other, tmp_path) == 1
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(
        other.labeler.pseudo_labels.thresholds, [0.2, 0.3, 0.4], rtol=1e-6
    )


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains_and_rounds_no_box_of_the_teacher(policy):
    with dtype_policy(policy):
        model = build("localizer")
        logs = model.train_on_batch(batch_of("localizer"), return_dict=True)
        labels = model.labeler(tiny.draw_photos(2, SIZE))
    assert np.isfinite(logs["loss"])
    boxes = ops.convert_to_numpy(labels["boxes"])
    assert boxes.dtype == "float32"
    np.testing.assert_array_equal(boxes, ops.convert_to_numpy(labels["found_boxes"]))
