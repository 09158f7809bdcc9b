"""Scores and heat maps of a run, measured beside maps made by hand, and tables."""

import types

import numpy as np
import pytest

import ssl_voc
from ssl_voc.explain.measures import (
    NUM_STEPS,
    _as_arrays,
    _perturb,
    compare,
    compare_with_chance,
    measure_photos,
    summarize,
)
from ssl_voc.explain.table import format_explanation, verdicts
from ssl_voc.heat_maps import measure_map
from ssl_voc.tasks import TASKS
from tests import tiny
from tests.evaluate.oracle import NUM_TRAIN, NUM_VAL, SIDE, SIZES, draw_objects
from tests.explain.subjects import as_photos, build_subject


@pytest.fixture(scope="module")
def model():
    return tiny.build_localizer(lambda: tiny.build_plain_backbone(SIDE))


def build(model, **settings):
    """A `Subject` on photos whose sides differ, so that half of each is padding."""
    return build_subject(model, as_photos(draw_objects()[NUM_TRAIN:]), **settings)


@pytest.mark.parametrize(
    ("task", "predicted", "scores"),
    [
        (  # a detector: the most confident detection of a class, perhaps none
            "detect",
            {
                "classes": [[1, 2, 1], [2, 0, -1], [-1, -1, -1]],
                "confidence": [[0.9, 0.6, 0.5], [0.3, 0.4, -1], [-1, -1, -1]],
            },
            [[0, 0.9, 0.6], [0.4, 0, 0.3], [0, 0, 0]],
        ),
        ("localize", {"scores": [[0.2, 0.5, 0.3]]}, [[0.2, 0.5, 0.3]]),
    ],
)
def test_every_task_scores_all_classes(task, predicted, scores):
    predicted = {key: np.array(value) for key, value in predicted.items()}
    predicted["boxes"] = np.zeros((len(scores), 3, 4))
    model = types.SimpleNamespace(predict_on_batch=lambda images: predicted)
    subject = build(model)
    subject.task = TASKS[task]
    np.testing.assert_allclose(subject.probabilities(None), scores)


def test_a_detector_is_asked_what_it_finds_at_the_object():
    found = {  # beside the object, over it, and once more over it, by the model's xywh
        "boxes": np.array([[[0, 0, 9, 9], [20, 20, 10, 10], [20, 20, 10, 8]]]),
        "classes": np.array([[2, 1, 0]]),
        "confidence": np.array([[0.9, 0.6, 0.7]]),
    }
    subject = build(
        types.SimpleNamespace(
            predict_on_batch=lambda images: found,
            bounding_box_format="xywh",
        )
    )
    subject.task = TASKS["detect"]
    answers = [
        subject.predict_classes(None, np.array([box])).item()
        for box in ((20, 20, 30, 30), (0, 0, 9, 9), (40, 40, 50, 50))
    ]
    assert answers == [0, 2, -1]


def test_map_accuracy_has_a_threshold_of_its_own_and_empty_maps_are_compared():
    hits = np.arange(40) % 5 < 3
    # At the first threshold all are nearly right, at the second more than half are.
    ious = np.stack([np.full(40, 0.5), np.where(hits, 0.51, 0.0)], axis=1)
    rows = [{"energy": 0.5, "is_empty": float(number < 10)} for number in range(40)]
    found = _as_arrays(rows, ious, seed=0)
    assert found["map_iou"].tolist() == [0.5] * 40
    assert found["threshold"].tolist() == [0.05] * 40  # no index: a share of the range
    assert found["map_acc_50"].tolist() == hits.astype(float).tolist()
    none_empty = {**found, "is_empty": np.zeros(40)}
    assert compare(found, none_empty)["is_empty"] == 0.25
    assert summarize(found)["is_empty"] == 0.25


def test_measures_are_those_of_maps_made_by_hand(model):
    subject = build(model, batch_size=4)
    found = measure_photos(subject, range(NUM_VAL), num_perturbed=2, seed=0)
    batch = subject.pool.gather(range(NUM_VAL))
    targets = batch["bounding_boxes"]
    classes = targets["classes"][:, 0].astype(int)
    maps = ssl_voc.grad_cam(model, batch["images"], classes)
    says = model.predict(batch["images"], verbose=0)["classes"][:, 0]
    for index in range(NUM_VAL):
        width, height = SIZES[index % 2]
        heat = maps[index, : height // 2, : width // 2]  # without the padding
        expected = measure_map(heat, targets["boxes"][index, 0])
        for name, value in expected.items():
            assert found[name][index] == pytest.approx(value, abs=1e-3), name
    np.testing.assert_array_equal(found["predicted"], says)
    np.testing.assert_array_equal(found["correct"], says == classes)
    assert np.isfinite(found["deletion"]).sum() == 2


def test_deletion_and_insertion_are_areas_by_trapezoids():
    # Probabilities of class 1: at once gone, then at once back.
    deleted = np.eye(NUM_STEPS + 1)[0]
    scores = np.concatenate([deleted, 1.0 - deleted])[:, None] * [0.0, 1.0]
    views = types.SimpleNamespace(
        indices=np.array([3]),
        classes=np.array([1]),
        images=np.zeros((1, 12, 12, 3), "uint8"),
        photo=lambda place: tiny.draw_photos(1, size=12)[0],
    )
    subject = types.SimpleNamespace(probabilities=lambda images: scores)
    heat = np.arange(144.0).reshape(12, 12)
    found = _perturb(subject, views, 0, heat, seed=0)
    # Half a step of ten is under the line from 1 to 0.
    assert found["deletion"] == found["deletion_shuffled"] == pytest.approx(0.05)
    assert found["insertion"] == pytest.approx(0.95)


def test_photos_and_batches_do_not_change_a_photo(model):
    few = measure_photos(build(model, batch_size=2), [4, 0, 3], 0, seed=0)
    everything = measure_photos(build(model, batch_size=6), range(NUM_VAL), 0, seed=0)
    assert "deletion" not in few
    for name in ("energy", "coverage", "pointing"):
        np.testing.assert_allclose(few[name], everything[name][[4, 0, 3]], atol=1e-4)


def test_methods_and_layers_make_other_maps(model):
    first = model.backbone.layers[2].name
    maps = []
    for changes in ({}, {"method": "layercam"}, {"layer": "2"}, {"layer": first}):
        subject = build(model, **changes)
        views = subject.view([0, 1])
        maps.append(subject.maps(views.images, views.classes))
    for other in maps[1:3]:
        assert np.abs(maps[0] - other).max() > 0.1 * maps[0].max()
    # The first convolution is that of stride 2.
    np.testing.assert_array_equal(maps[2], maps[3])


def test_tables_leave_out_what_there_is_not_and_tell_what_spoils_them():
    measures = {"energy": np.array([0.4, 0.6]), "box_share": np.array([0.1, 0.3])}
    parts = {
        key: {name: summarize(measures, chosen) for name in ("run", "center")}
        for key, chosen in (("all", None), ("correct", np.zeros(2, bool)))
    }
    sanity = {"stages": [], "correlations": [], "passed": False}
    sanity |= {"final": np.nan, "final_ci": [np.nan] * 2, "other_photo": np.nan}
    text = format_explanation(
        {
            **parts,
            "runs": {"run": {"num_leaked": 2}},
            "sanity": {"run": sanity},
            "protocol": {"ci": "95 %"},
        }
    )
    rows = [line.split() for line in text.splitlines() if line.startswith("energy")]
    assert "0.200 box's share, 0.500 center" in text
    assert rows[1] == ["energy", "in", "box", "-"]
    assert text.startswith("2 OF THE PHOTOS WERE SEEN IN TRAINING by run")
    assert "ALL MAPS ARE EMPTY" in text and "another photo" not in text


@pytest.mark.parametrize(
    ("gain", "spread", "word"),
    [(0.1, 0.01, "more than"), (0.02, 0.9, "not shown"), (-0.1, 0.01, "less than")],
)
def test_verdict_is_of_paired_differences_from_the_best_that_knows_no_photo(
    gain, spread, word
):
    # Boxes differ much more from photo to photo than what the maps gain over them.
    random = np.random.default_rng(0)
    center = {"energy": random.uniform(0.1, 0.9, 40)}
    energy = center["energy"] + gain + spread * random.uniform(-0.5, 0.5, 40)
    measures = {"energy": energy, "box_share": np.full(40, 0.05)}

    def say():
        figures = summarize(measures) | compare_with_chance(measures, center)
        metrics = {
            "runs": {"run": {}},
            "all": {"run": figures},
            "sanity": {"run": {"passed": False}},
        }
        (line,) = verdicts(metrics)
        return line

    line = say()
    assert word in line and "not shown to come from" in line
    assert f"against {center['energy'].mean():.3f} (" in line
    assert "a spot at the middle" in line
    measures["box_share"] = np.full(40, 0.95)
    assert "less than an even map" in say() and "against 0.950" in say()


def test_one_table_is_enough_where_every_class_is_predicted_right():
    measures = {"energy": np.array([0.4, 0.6]), "box_share": np.array([0.1, 0.3])}
    part = {name: summarize(measures) for name in ("run", "center")}
    shared = {"runs": {"run": {"num_leaked": 0}}, "sanity": {}, "protocol": {"ci": ""}}
    text = format_explanation({"all": part, "correct": part, **shared})
    assert text.count("energy in box") == 1
