import math

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.losses import CIoULoss, ciou
from tests import box_reference
from tests.gradients import gradient_of
from tests.losses.test_giou_loss import HARD_BOXES, TARGET


@pytest.mark.parametrize(
    ("true", "predicted", "expected"),
    [
        ([0, 0, 10, 10], [0, 0, 10, 10], 1.0),
        # Squares: v = 0. Centers (5, 5) and (10, 10): 50; diagonal 15^2 + 15^2 = 450.
        ([0, 0, 10, 10], [5, 5, 15, 15], 25 / 175 - 50 / 450),
        # Same center, so no distance. Common 100, union 100 + 200 - 100: IoU 0.5.
        # v = 4 / pi^2 (pi/4 - arctan 2)^2 = 0.0419565; alpha = v / (0.5 + v)
        # = 0.0774166; 0.5 - 0.0032481. With keras-cv's 16 / pi^4: 0.4994427.
        ([5, 0, 15, 10], [0, 0, 20, 10], 0.4967517),
        # Apart: centers (5, 5) and (25, 2.5): 406.25; diagonal 30^2 + 10^2 = 1000.
        # The same v; alpha = v / (1 + v) = 0.0402670; -0.40625 - 0.0016895.
        ([0, 0, 10, 10], [20, 0, 30, 5], -0.4079395),
    ],
)
def test_golden_boxes(true, predicted, expected):
    assert float(ciou(true, predicted)) == pytest.approx(expected, abs=1e-6)


def test_ciou_is_that_of_the_loops():
    random = np.random.default_rng(0)
    a, b = (box_reference.random_boxes(random, 4, 9) for _ in range(2))
    computed = ops.convert_to_numpy(ciou(a, b))
    assert computed.shape == (4, 9)
    for index in np.ndindex(4, 9):
        expected = box_reference.ciou(a[index], b[index])
        assert computed[index] == pytest.approx(expected, abs=1e-5)


def test_every_box_of_a_batch_has_its_own_loss():
    random = np.random.default_rng(2)
    a, b = (box_reference.random_boxes(random, 2, 3) for _ in range(2))
    losses = ops.convert_to_numpy(CIoULoss(reduction="none")(a, b))
    assert losses.shape == (2, 3)
    for index in np.ndindex(2, 3):
        alone = float(CIoULoss()(a[index][None], b[index][None]))
        assert losses[index] == pytest.approx(alone, abs=1e-6)


def test_gradient_takes_alpha_for_a_constant():
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


@pytest.mark.parametrize("predicted", HARD_BOXES)
def test_gradient_is_finite_and_moderate(predicted):
    gradient = gradient_of(lambda boxes: ciou(TARGET, boxes), predicted)
    assert np.all(np.isfinite(gradient))
    assert np.abs(gradient).max() < 1.0


@pytest.mark.parametrize("nothing", [[5, 5, 5, 5], [-1, -1, -1, -1], [9, 9, 2, 2]])
def test_target_without_area_gives_a_finite_loss_and_gradient(nothing):
    for predicted in (nothing, TARGET):
        assert np.isfinite(float(ciou(nothing, predicted)))
        gradient = gradient_of(lambda boxes: ciou(nothing, boxes), predicted)
        assert np.all(np.isfinite(gradient))


def test_gradient_moves_a_distant_box_towards_its_target():
    distant = [60.0, 60.0, 80.0, 70.0]
    gradient = gradient_of(lambda boxes: ciou(TARGET, boxes), distant)
    # The center goes left and up; one step of it is worth what the slope says.
    assert gradient[0] + gradient[2] < 0 and gradient[1] + gradient[3] < 0
    gain = ciou(TARGET, distant + gradient) - ciou(TARGET, distant)
    assert float(gain) == pytest.approx(np.sum(gradient**2), rel=0.05)


def test_point_inside_its_target_is_pulled_to_the_center():
    # GIoU gives a box without area no gradient at all.
    gradient = gradient_of(lambda boxes: ciou(TARGET, boxes), [12, 12, 12, 12])
    assert np.all(gradient[[0, 2]] > 0) and np.all(gradient[[1, 3]] > 0)


def test_formats_give_one_loss():
    xyxy = CIoULoss("xyxy")([[5, 0, 15.0, 10]], [[0, 0, 20.0, 10]])
    xywh = CIoULoss("xywh")([[5, 0, 10.0, 10]], [[0, 0, 20.0, 10]])
    square = CIoULoss("rel_xyxy")([[0.05, 0, 0.15, 0.1]], [[0, 0, 0.2, 0.1]])
    for loss in (xyxy, xywh, square):
        assert float(loss) == pytest.approx(1 - 0.4967517, abs=1e-5)


def test_loss_reloads_with_its_format():
    loss = CIoULoss("xywh", name="overlap", reduction="sum")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    boxes = [[[0, 0, 10.0, 10], [0, 0, 4.0, 4]]], [[[5, 5, 10.0, 10], [1, 1, 2.0, 3]]]
    assert float(again(*boxes)) == float(loss(*boxes))
    assert again.name == "overlap"


def test_unknown_format_is_refused():
    with pytest.raises(ValueError, match="must be one of"):
        CIoULoss("corners")
