import numpy as np
import pytest
from keras import ops

from ssl_voc.layers.anchor_points import anchor_points
from ssl_voc.layers.task_aligned_assignment import (
    BACKGROUND,
    IGNORED,
    assign_objects,
)
from tests import box_reference

POINTS, STRIDES = anchor_points([(8, 8), (4, 4)], (8, 16))
NUM_CLASSES = 3


def assign(objects, predictions, **options):
    found = assign_objects(objects, predictions, POINTS, **options)
    return {name: ops.convert_to_numpy(values) for name, values in found.items()}


def draw(seed=0, num_images=3, num_boxes=4):
    """Objects, the last two of the first image padding, and what is predicted."""
    random = np.random.default_rng(seed)
    boxes = box_reference.random_boxes(random, num_images, num_boxes, size=64)
    classes = random.integers(0, NUM_CLASSES, (num_images, num_boxes)).astype("float32")
    classes[0, 2:] = -1.0
    boxes[0, 2:] = -1.0
    distances = random.uniform(1, 20, (num_images, len(POINTS), 4))
    starts, ends = POINTS - distances[..., :2], POINTS + distances[..., 2:]
    predictions = {
        "boxes": np.concatenate([starts, ends], axis=-1).astype("float32"),
        "scores": random.uniform(0, 1, (num_images, len(POINTS), NUM_CLASSES)),
    }
    return {"boxes": boxes, "classes": classes}, predictions


def assign_one_by_one(boxes, classes, difficult, found, scores, num_candidates, side):
    """The rule in words, object by object and point by point."""
    suits, inside = {}, {}
    for number in np.flatnonzero(classes >= 0):
        x1, y1, x2, y2 = boxes[number]
        x, y = POINTS.T
        width, height = max(x2 - x1, side) / 2, max(y2 - y1, side) / 2
        apart_x, apart_y = np.abs((x1 + x2) / 2 - x), np.abs((y1 + y2) / 2 - y)
        rows = np.flatnonzero((apart_x < width) & (apart_y < height))
        if not len(rows):
            apart = ((x1 + x2) / 2 - x) ** 2 + ((y1 + y2) / 2 - y) ** 2
            rows = [int(np.argmin(apart))]
        inside[number] = rows
        ious = {row: box_reference.iou(boxes[number], found[row]) for row in rows}
        label = int(classes[number])
        measure = {
            row: max(scores[row, label], 1e-4) ** 0.5 * max(ious[row], 1e-4) ** 6
            for row in rows
        }
        best = sorted(rows, key=lambda row: -measure[row])[:num_candidates]
        suits[number] = {row: (ious[row], measure[row]) for row in best}
    owners = {}
    for row in range(len(POINTS)):
        rivals = [number for number in suits if row in suits[number]]
        if rivals:
            owners[row] = max(rivals, key=lambda number: suits[number][row][0])
    labels, qualities = [], []
    for row in range(len(POINTS)):
        if row not in owners:
            unclear = any(difficult[n] and row in inside[n] for n in inside)
            labels.append(IGNORED if unclear else BACKGROUND)
            qualities.append(0.0)
            continue
        number = owners[row]
        if difficult[number]:
            labels.append(IGNORED)
            qualities.append(0.0)
            continue
        own = [suits[number][r] for r in suits[number] if owners[r] == number]
        best_iou, most = (max(values) for values in zip(*own, strict=True))
        labels.append(classes[number])
        qualities.append(suits[number][row][1] / most * best_iou)
    return np.array(labels), np.array(qualities), owners


@pytest.mark.parametrize("side", [0.0, 16.0])
@pytest.mark.parametrize("seed", range(4))
def test_points_are_given_objects_as_one_by_one(seed, side):
    objects, predictions = draw(seed)
    objects["difficult"] = np.random.default_rng(seed).uniform(size=(3, 4)) < 0.3
    found = assign(objects, predictions, num_candidates=5, min_side=side)
    seen = set()
    for image in range(3):
        labels, qualities, owners = assign_one_by_one(
            objects["boxes"][image],
            objects["classes"][image],
            objects["difficult"][image],
            predictions["boxes"][image],
            predictions["scores"][image],
            5,
            side,
        )
        np.testing.assert_array_equal(found["classes"][image], labels)
        np.testing.assert_allclose(found["quality"][image], qualities, atol=1e-5)
        for row in np.flatnonzero(labels >= 0):
            expected = objects["boxes"][image, owners[row]]
            np.testing.assert_array_equal(found["boxes"][image, row], expected)
        seen |= {min(label, 0.0) for label in labels}
    assert seen == {0.0, BACKGROUND, IGNORED}


def test_a_point_that_finds_its_object_has_the_highest_quality():
    objects, predictions = draw()
    objects = {"boxes": [[[10.0, 10, 40, 40]]], "classes": [[1.0]]}
    predictions = {name: values[:1] for name, values in predictions.items()}
    inside = np.flatnonzero(np.all((POINTS > 10) & (POINTS < 40), axis=1))
    predictions["boxes"][0, inside[3]] = [10, 10, 40, 40]
    found = assign(objects, predictions)
    assert found["quality"][0].argmax() == inside[3]
    assert found["quality"][0, inside[3]] == pytest.approx(1.0)
    assert np.sum(found["classes"] == 1.0) == 10


def test_an_object_between_the_points_is_learned_by_the_nearest():
    objects, predictions = draw()
    tiny = [[[29.0, 29.0, 31.0, 31.0]]]
    found = assign(
        {"boxes": tiny, "classes": [[2.0]]},
        {name: values[:1] for name, values in predictions.items()},
    )
    (row,) = np.flatnonzero(found["classes"][0] == 2.0)
    assert tuple(POINTS[row]) == (28.0, 28.0)


def test_images_without_objects_are_all_background():
    _, predictions = draw()
    nothing = {"boxes": np.full((3, 2, 4), -1.0), "classes": np.full((3, 2), -1.0)}
    found = assign(nothing, predictions)
    assert np.all(found["classes"] == BACKGROUND) and not found["quality"].any()
    np.testing.assert_array_equal(found["boxes"], predictions["boxes"])
