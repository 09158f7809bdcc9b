"""Generalized and complete IoU against loops, and their losses."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.losses import CIoULoss, GIoULoss, ciou, giou
from tests import box_reference
from tests.gradients import gradient_of

TARGET = [10.0, 10.0, 30.0, 20.0]
# Every way in which a box can lie to `TARGET`, those without area included.
HARD_BOXES = [
    TARGET,
    [10, 10, 10, 10],
    [15, 15, 15, 15],
    [30, 20, 30, 20],
    [12, 12, 25, 12],
    [100, 100, 120, 140],
    [30, 10, 50, 20],
    [40, 5, 20, 1],
    [0, 0, 1e4, 1e4],
    [10, 10, 10 + 1e-6, 20],
]
UNIT = [0, 0, 10, 10]
both_overlaps = pytest.mark.parametrize("overlap", [giou, ciou])
both_losses = pytest.mark.parametrize("loss_class", [GIoULoss, CIoULoss])


@pytest.mark.parametrize(
    ("overlap", "true", "predicted", "expected"),
    [
        (giou, UNIT, UNIT, 1.0),
        # Common 25, union 175, enclosing 15 x 15: 25 / 175 - 50 / 225.
        (giou, UNIT, [5, 5, 15, 15], 25 / 175 - 50 / 225),
        # Inside: nothing of the enclosing box is uncovered, 16 / 100.
        (giou, UNIT, [3, 3, 7, 7], 0.16),
        # Apart: common 0, union 100 + 50, enclosing 30 x 10.
        (giou, UNIT, [20, 0, 30, 5], -150 / 300),
        # A point in the corner: IoU 0, enclosing box covered.
        (giou, UNIT, [0, 0, 0, 0], 0.0),
        (ciou, UNIT, UNIT, 1.0),
        # Squares: v = 0. Centers (5, 5) and (10, 10): 50; diagonal 15^2 + 15^2 = 450.
        (ciou, UNIT, [5, 5, 15, 15], 25 / 175 - 50 / 450),
        # Same center, so no distance. Common 100, union 100 + 200 - 100: IoU 0.5.
        # v = 4 / pi^2 (pi/4 - arctan 2)^2 = 0.0419565; alpha = v / (0.5 + v)
        # = 0.0774166; 0.5 - 0.0032481. With keras-cv's 16 / pi^4: 0.4994427.
        (ciou, [5, 0, 15, 10], [0, 0, 20, 10], 0.4967517),
        # Apart: centers (5, 5) and (25, 2.5): 406.25; diagonal 30^2 + 10^2 = 1000.
        # The same v; alpha = v / (1 + v) = 0.0402670; -0.40625 - 0.0016895.
        (ciou, UNIT, [20, 0, 30, 5], -0.4079395),
    ],
)
def test_golden_boxes(overlap, true, predicted, expected):
    assert float(overlap(true, predicted)) == pytest.approx(expected, abs=1e-6)


@both_overlaps
def test_overlap_is_that_of_the_loops(overlap):
    random = np.random.default_rng(0)
    a, b = (box_reference.random_boxes(random, 4, 9) for _ in range(2))
    computed = ops.convert_to_numpy(overlap(a, b))
    assert computed.shape == (4, 9)
    for index in np.ndindex(4, 9):
        expected = getattr(box_reference, overlap.__name__)(a[index], b[index])
        assert computed[index] == pytest.approx(expected, abs=1e-5)


def test_giou_is_symmetric_and_free_of_units():
    random = np.random.default_rng(1)
    a, b = (box_reference.random_boxes(random, 50) for _ in range(2))
    scale = np.array([7, 0.3, 7, 0.3], "float32")
    np.testing.assert_allclose(giou(a, b), giou(b, a), atol=1e-6)
    np.testing.assert_allclose(giou(a, b), giou(a * scale, b * scale), atol=1e-5)


@both_losses
def test_every_box_of_a_batch_has_its_own_loss(loss_class):
    random = np.random.default_rng(2)
    a, b = (box_reference.random_boxes(random, 2, 3) for _ in range(2))
    losses = ops.convert_to_numpy(loss_class(reduction="none")(a, b))
    assert losses.shape == (2, 3)
    for index in np.ndindex(2, 3):
        alone = float(loss_class()(a[index][None], b[index][None]))
        assert losses[index] == pytest.approx(alone, abs=1e-6)


def test_boxes_without_weight_change_nothing():
    a = np.array([[UNIT, [-1, -1, -1, -1]]], "float32")
    b = np.array([[[3, 3, 7, 7], [55, 0, 3, 99]]], "float32")
    loss = GIoULoss(reduction="sum")
    weighted = float(loss(a, b, sample_weight=np.array([[1.0, 0.0]], "float32")))
    assert weighted == pytest.approx(1 - 0.16, abs=1e-6)


@both_overlaps
@pytest.mark.parametrize("predicted", HARD_BOXES)
def test_gradient_is_finite_and_moderate(overlap, predicted):
    gradient = gradient_of(lambda boxes: overlap(TARGET, boxes), predicted)
    assert np.all(np.isfinite(gradient))
    # A pixel cannot change the share of a target 10 pixels high by much more than 0.1.
    assert np.abs(gradient).max() < 1.0


@both_overlaps
@pytest.mark.parametrize("nothing", [[5, 5, 5, 5], [-1, -1, -1, -1], [9, 9, 2, 2]])
def test_target_without_area_gives_a_finite_loss_and_gradient(overlap, nothing):
    for predicted in (nothing, TARGET):
        assert np.isfinite(float(overlap(nothing, predicted)))
        gradient = gradient_of(lambda boxes: overlap(nothing, boxes), predicted)
        assert np.all(np.isfinite(gradient))


def test_gradient_of_giou_is_the_slope_of_the_loops():
    random = np.random.default_rng(3)
    true, predicted = (box_reference.random_boxes(random, 8) for _ in range(2))
    gradient = gradient_of(lambda boxes: giou(true, boxes), predicted)
    for box, corner in np.ndindex(8, 4):
        step = np.zeros(4)
        step[corner] = 1e-4
        ends = [
            box_reference.giou(true[box], predicted[box] + sign * step)
            for sign in (1, -1)
        ]
        slope = (ends[0] - ends[1]) / 2e-4
        assert gradient[box, corner] == pytest.approx(slope, abs=1e-4)


def test_gradient_of_ciou_takes_alpha_for_a_constant():
    true, predicted = np.array([5.0, 0, 15, 10]), np.array([0.0, 0, 20, 10])
    v = 4 / math.pi**2 * (math.pi / 4 - math.atan(2)) ** 2
    alpha = v / (0.5 + v)

    def by_hand(boxes):  # no distance: the shift below keeps the center
        width = boxes[2] - boxes[0]
        v = 4 / math.pi**2 * (math.pi / 4 - math.atan(width / 10)) ** 2
        return box_reference.iou(true, boxes) - alpha * v

    step = np.array([-1e-4, 0, 1e-4, 0])
    expected = (by_hand(predicted + step) - by_hand(predicted - step)) / 2e-4
    gradient = gradient_of(lambda boxes: ciou(true, boxes), predicted)
    assert gradient[2] - gradient[0] == pytest.approx(expected, rel=1e-3)


def test_gradient_of_ciou_moves_a_distant_box_towards_its_target():
    distant = [60.0, 60.0, 80.0, 70.0]
    gradient = gradient_of(lambda boxes: ciou(TARGET, boxes), distant)
    # The center goes left and up; one step of it is worth what the slope says.
    assert gradient[0] + gradient[2] < 0 and gradient[1] + gradient[3] < 0
    gain = ciou(TARGET, distant + gradient) - ciou(TARGET, distant)
    assert float(gain) == pytest.approx(np.sum(gradient**2), rel=0.05)
    # GIoU gives a box without area no gradient at all.
    gradient = gradient_of(lambda boxes: ciou(TARGET, boxes), [12, 12, 12, 12])
    assert np.all(gradient[[0, 2]] > 0) and np.all(gradient[[1, 3]] > 0)


@pytest.mark.parametrize(
    ("loss", "true", "predicted", "expected"),
    [
        (GIoULoss("xywh"), UNIT, [5, 5, 10, 10], 1 - 25 / 175 + 50 / 225),
        (
            GIoULoss("rel_yxyx"),
            [0, 0, 0.1, 0.05],
            [0.05, 0.025, 0.15, 0.075],
            1 - 25 / 175 + 50 / 225,
        ),
        (CIoULoss("xyxy"), [5, 0, 15, 10], [0, 0, 20, 10], 1 - 0.4967517),
        (CIoULoss("xywh"), [5, 0, 10, 10], [0, 0, 20, 10], 1 - 0.4967517),
        (
            CIoULoss("rel_xyxy"),
            [0.05, 0, 0.15, 0.1],
            [0, 0, 0.2, 0.1],
            1 - 0.4967517,
        ),
    ],
)
def test_formats_give_one_loss(loss, true, predicted, expected):
    found = loss(np.float32([true]), np.float32([predicted]))
    assert float(found) == pytest.approx(expected, abs=1e-5)


@both_losses
def test_loss_reloads_with_its_format(loss_class):
    loss = loss_class("xywh", name="overlap", reduction="sum")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    boxes = [[[0, 0, 10.0, 10], [0, 0, 4.0, 4]]], [[[5, 5, 10.0, 10], [1, 1, 2.0, 3]]]
    assert float(again(*boxes)) == float(loss(*boxes))
    assert again.name == "overlap"


@both_losses
def test_formats_and_shapes_that_do_not_fit_are_refused(loss_class):
    with pytest.raises(ValueError, match="must both have shape .*2, 4.*2, 1, 4"):
        loss_class()(np.ones((2, 4), "float32"), np.ones((2, 1, 4), "float32"))
    with pytest.raises(ValueError, match="`bounding_box_format`"):
        loss_class("corners")
