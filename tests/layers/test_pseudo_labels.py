"""`PseudoLabels`: what is learned of a teacher's answers, against loops."""

import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import MainObjectPseudoLabels, ObjectPseudoLabels
from tests import box_reference

THRESHOLDS = [0.3, 0.6, 0.9]


def draw_answers(num_images, num_boxes, seed=0):
    """A teacher's answers to photos and, with the boxes shifted, to mirrored ones."""
    random = np.random.default_rng(seed)
    boxes = box_reference.random_boxes(random, num_images, num_boxes)
    confidence = -np.sort(-random.uniform(0, 1, (num_images, num_boxes)))
    classes = random.integers(0, len(THRESHOLDS), confidence.shape)
    padded = np.arange(num_boxes) >= num_boxes - 1
    found = {
        "boxes": np.where(padded[:, None], -1.0, boxes).astype("float32"),
        "confidence": np.where(padded, -1.0, confidence).astype("float32"),
        "classes": np.where(padded, -1, classes).astype("int32"),
    }
    order = random.permutation(num_boxes)
    shifts = random.uniform(0, 5, (num_images, num_boxes, 1))
    others = random.integers(0, 5, classes.shape) == 0
    mirrored = {
        "boxes": np.where(padded[:, None], -1.0, boxes + shifts)[:, order],
        "confidence": found["confidence"][:, order],
        "classes": np.where(padded, -1, np.where(others, 0, classes))[:, order].astype(
            "int32"
        ),
    }
    return found, mirrored


def is_sure(found, mirrored, row, place):
    label = found["classes"][row, place]
    left, top, right, bottom = found["boxes"][row, place]
    min_iou = 0.5 if min(right - left, bottom - top) < 16 else 0.7
    if label < 0 or found["confidence"][row, place] < THRESHOLDS[label]:
        return False
    return any(
        mirrored["classes"][row, other] == label
        and box_reference.iou(found["boxes"][row, place], mirrored["boxes"][row, other])
        >= min_iou
        for other in range(mirrored["classes"].shape[1])
    )


def lies_on_one_of(places, found, row, place, min_iou=0.7):
    return any(
        box_reference.iou(found["boxes"][row, place], found["boxes"][row, other])
        >= min_iou
        for other in places
    )


def best_of_the_sure(found, mirrored, row):
    """Places of the sure boxes that lie on none that is surer."""
    sure = [place for place in range(12) if is_sure(found, mirrored, row, place)]
    return [
        place
        for rank, place in enumerate(sure)
        if not lies_on_one_of(sure[:rank], found, row, place)
    ]


def labels_of(layer, found, mirrored):
    layer.thresholds.assign(THRESHOLDS)
    labels = layer(found, mirrored)
    return {name: ops.convert_to_numpy(value) for name, value in labels.items()}


def test_objects_are_sure_unsure_or_background_as_by_the_loops():
    found, mirrored = draw_answers(20, 12)
    # Every third box lies nearly where the one before does.
    found["boxes"][:, 2:11:3] = found["boxes"][:, 1:10:3] + 1.0
    layer = ObjectPseudoLabels(3, least_score=0.2, max_objects=6)
    labels = labels_of(layer, found, mirrored)
    assert labels["boxes"].shape == (20, 6, 4)
    wanted = [{"sure": [], "unsure": []} for _ in range(20)]
    counts = dict.fromkeys(("sure", "unsure", "background", "covered"), 0)
    best = [best_of_the_sure(found, mirrored, row) for row in range(20)]
    for row, place in np.ndindex(20, 12):
        label = found["classes"][row, place]
        kind = "background"
        if place in best[row]:
            kind = "sure"
        elif label >= 0 and found["confidence"][row, place] >= 0.2:
            is_covered = lies_on_one_of(best[row], found, row, place)
            kind = "covered" if is_covered else "unsure"
        counts[kind] += 1
        if kind in wanted[row]:
            wanted[row][kind].append(place)
    for row, kinds in enumerate(wanted):
        places = kinds["sure"] + kinds["unsure"]
        number = len(places[:6])
        for name in ("boxes", "classes"):
            np.testing.assert_array_equal(
                labels[name][row, :number], found[name][row, places[:6]]
            )
            assert (labels[name][row, number:] == -1).all()
        difficult = labels["difficult"][row]
        assert difficult.sum() == max(0, number - len(kinds["sure"]))
        assert (
            not difficult[: len(kinds["sure"])].any() and not difficult[number:].any()
        )
        # The background is known beside sure boxes, if none was cut.
        assert labels["is_told"][row] == (bool(kinds["sure"]) and len(places) <= 6)
    assert min(counts.values()) > 5 and len({*labels["is_told"].tolist()}) == 2


def test_one_object_is_of_its_surest_class_and_two_of_a_class_stay_two():
    apple, orange = [10.0, 10.0, 60.0, 60.0], [10.0, 10.0, 60.0, 58.0]
    beside = [30.0, 10.0, 80.0, 60.0]  # IoU 0.43: another apple
    found = {
        "boxes": np.array([[apple, beside, orange]], "float32"),
        "confidence": np.array([[0.45, 0.4, 0.35]], "float32"),
        "classes": np.array([[0, 0, 1]], "int32"),
    }
    layer = ObjectPseudoLabels(2, threshold=0.2)
    labels = layer(found, found)
    np.testing.assert_array_equal(labels["classes"], [[0.0, 0.0, -1.0]])
    assert not ops.convert_to_numpy(labels["difficult"]).any()


def test_class_that_is_hardly_found_is_left_out_and_not_taught_as_background():
    layer = ObjectPseudoLabels(3, least_score=0.1, objects_per_photo=[2.0, 0.5, 0.0])
    random = np.random.default_rng(0)
    # Of 10 photos: the first class is found, the second one scores little.
    classes = np.tile([0, 0, 0, 1, 1, 2], (10, 1))
    confidence = np.where(classes == 0, 0.6, 0.05) + random.uniform(0, 0.04, (10, 6))
    found = {
        "boxes": np.tile([10.0, 10.0, 20.0, 20.0], (10, 6, 1)).astype("float32"),
        "confidence": -np.sort(-confidence).astype("float32"),
        "classes": np.take_along_axis(classes, np.argsort(-confidence), axis=1),
    }
    layer.adapt(found)
    least = ops.convert_to_numpy(layer.least_scores)
    # 30 boxes where 40 were enough, the tenth of 20, and no object at all.
    tenth = np.sort(found["confidence"][found["classes"] == 1])[-10]
    np.testing.assert_allclose(least, [0.0, tenth, 0.1])
    labels = layer(found, {**found, "classes": found["classes"] * 0 - 1})
    kept = ops.convert_to_numpy(labels["classes"])
    assert (kept == 1).sum() == 10 and (kept == 0).sum() == 30
    assert ops.convert_to_numpy(labels["difficult"])[kept >= 0].all()
    with pytest.raises(ValueError, match="objects_per_photo"):
        ObjectPseudoLabels(3, objects_per_photo=[1.0])


@pytest.mark.parametrize(("empty_share", "told"), [(0.0, 0), (0.3, 3)])
def test_photos_without_an_answer_show_nothing_as_often_as_the_labels_do(
    empty_share, told
):
    layer = ObjectPseudoLabels(1, empty_share=empty_share)
    found = {
        "boxes": np.tile([10.0, 10.0, 40.0, 40.0], (10, 1, 1)).astype("float32"),
        "confidence": np.linspace(0.05, 0.4, 10, dtype="float32")[:, None],
        "classes": np.zeros((10, 1), "int32"),
    }
    layer.adapt(found)
    labels = layer(found, found)
    assert ops.convert_to_numpy(labels["is_told"]).tolist() == [
        number < told for number in range(10)
    ]


def test_a_main_object_is_sure_if_the_cells_agree_too():
    found, _ = draw_answers(60, 2, seed=1)
    found = {name: values[:, :1] for name, values in found.items()}  # not the padding
    found["confidence"] += 0.3
    shifts = np.linspace(0, 3, 60)[:, None, None]
    mirrored = {**found, "boxes": (found["boxes"] + shifts).astype("float32")}
    found["agreement"] = np.tile([0.4, 0.5, 0.9], 20).astype("float32")
    layer = MainObjectPseudoLabels(3)
    layer.adapt(found)
    assert float(layer.least_agreement) == 0.5  # the median
    labels = labels_of(layer, found, mirrored)
    np.testing.assert_array_equal(labels["classes"], found["classes"])
    wanted = [
        not (is_sure(found, mirrored, row, 0) and found["agreement"][row] >= 0.5)
        for row in range(60)
    ]
    np.testing.assert_array_equal(labels["difficult"][:, 0], wanted)
    np.testing.assert_array_equal(labels["is_told"], np.logical_not(wanted))
    assert 5 < sum(wanted) < 55


def test_thresholds_follow_the_scores_of_each_class_within_their_range():
    layer = ObjectPseudoLabels(3)
    random = np.random.default_rng(0)
    high, low = random.normal(0.7, 0.02, 50), random.normal(0.15, 0.02, 50)
    confidence = np.concatenate([high, low, [0.9] * 3, np.full(100, 0.01)])
    classes = np.concatenate([np.zeros(100), np.full(3, 1), np.full(100, 2)])
    layer.adapt({"confidence": confidence, "classes": classes.astype(int)})
    first, second, third = ops.convert_to_numpy(layer.thresholds)
    assert 0.25 < first < 0.7
    assert second == third == 0.5  # three scores, and none that counts


def test_threshold_of_a_class_lets_boxes_for_two_fifths_of_its_objects_through():
    layer = ObjectPseudoLabels(3, objects_per_photo=[0.5, 0.5, 0.5])
    # Of 20 photos, so 10 objects: too few scores for a mixture, and the fourth is it.
    scores = np.array([0.45, 0.4, 0.35, 0.3, 0.25, 0.15], "float32")
    confidence = np.full((20, 3), -1.0, "float32")
    confidence[:6, 0], confidence[:6, 1], confidence[:3, 2] = scores, scores / 2, 0.45
    classes = np.where(confidence > 0, np.arange(3), -1)
    layer.adapt({"confidence": confidence, "classes": classes})
    # The others have too few, and fall by half: of 0.5, where scores do not tell.
    np.testing.assert_allclose(layer.thresholds, [0.3, 0.25, 0.25])
    # A teacher that has become surer is asked for more again.
    confidence[:6, 1] = 0.9
    layer.adapt({"confidence": confidence, "classes": classes})
    np.testing.assert_allclose(layer.thresholds, [0.3, 0.5, 0.25])


@pytest.mark.parametrize(("side", "wanted"), [(15.0, True), (17.0, False)])
def test_a_small_box_may_be_found_again_aside(side, wanted):
    corners = np.array([[[40.0, 40.0, 40.0 + side, 70.0]]], "float32")
    found = {
        "boxes": corners,
        "confidence": np.full((1, 1), 0.9, "float32"),
        "classes": np.zeros((1, 1), "int32"),
    }
    mirrored = {**found, "boxes": corners + [0.2 * side, 0.0, 0.2 * side, 0.0]}
    labels = ObjectPseudoLabels(1)(found, mirrored)  # IoU 0.67
    assert bool(labels["difficult"][0, 0]) != wanted


@pytest.mark.parametrize("name", ["threshold", "min_iou"])
def test_shares_out_of_range_are_refused_by_name(name):
    with pytest.raises(ValueError, match=name):
        ObjectPseudoLabels(3, **{name: 1.5})


@pytest.mark.parametrize(
    ("kind", "others"),
    [
        (MainObjectPseudoLabels, {}),
        (
            ObjectPseudoLabels,
            {
                "least_score": 0.2,
                "max_objects": 7,
                "objects_per_photo": [1.0, 0.5, 2.0],
                "empty_share": 0.1,
            },
        ),
    ],
)
def test_a_copy_by_its_config_is_alike(kind, others):
    given = {"num_classes": 3, "threshold": 0.4, "min_iou": 0.6, **others}
    again = kind.from_config(kind(**given).get_config())
    assert given.items() <= again.get_config().items()
