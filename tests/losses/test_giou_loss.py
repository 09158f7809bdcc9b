import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.losses import GIoULoss, giou
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


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        ([0, 0, 10, 10], 1.0),
        # Common 25, union 175, enclosing 15 x 15: 25 / 175 - 50 / 225.
        ([5, 5, 15, 15], 25 / 175 - 50 / 225),
        # Inside: nothing of the enclosing box is uncovered, 16 / 100.
        ([3, 3, 7, 7], 0.16),
        # Apart: common 0, union 100 + 50, enclosing 30 x 10.
        ([20, 0, 30, 5], -150 / 300),
        # A point in the corner: IoU 0, enclosing box covered.
        ([0, 0, 0, 0], 0.0),
    ],
)
def test_golden_boxes(predicted, expected):
    assert float(giou([0, 0, 10, 10], predicted)) == pytest.approx(expected, abs=1e-6)


def test_giou_is_that_of_the_loops():
    random = np.random.default_rng(0)
    a, b = (box_reference.random_boxes(random, 4, 9) for _ in range(2))
    computed = ops.convert_to_numpy(giou(a, b))
    assert computed.shape == (4, 9)
    for index in np.ndindex(4, 9):
        expected = box_reference.giou(a[index], b[index])
        assert computed[index] == pytest.approx(expected, abs=1e-5)


def test_giou_is_symmetric_and_free_of_units():
    random = np.random.default_rng(1)
    a, b = (box_reference.random_boxes(random, 50) for _ in range(2))
    scale = np.array([7, 0.3, 7, 0.3], "float32")
    np.testing.assert_allclose(giou(a, b), giou(b, a), atol=1e-6)
    np.testing.assert_allclose(giou(a, b), giou(a * scale, b * scale), atol=1e-5)


def test_every_box_of_a_batch_has_its_own_loss():
    random = np.random.default_rng(2)
    a, b = (box_reference.random_boxes(random, 2, 3) for _ in range(2))
    losses = ops.convert_to_numpy(GIoULoss(reduction="none")(a, b))
    assert losses.shape == (2, 3)
    for index in np.ndindex(2, 3):
        alone = float(GIoULoss()(a[index][None], b[index][None]))
        assert losses[index] == pytest.approx(alone, abs=1e-6)


def test_boxes_without_weight_change_nothing():
    a = np.array([[[0, 0, 10, 10], [-1, -1, -1, -1]]], "float32")
    b = np.array([[[3, 3, 7, 7], [55, 0, 3, 99]]], "float32")
    loss = GIoULoss(reduction="sum")
    weighted = float(loss(a, b, sample_weight=np.array([[1.0, 0.0]], "float32")))
    assert weighted == pytest.approx(1 - 0.16, abs=1e-6)


@pytest.mark.parametrize("predicted", HARD_BOXES)
def test_gradient_is_finite_and_moderate(predicted):
    gradient = gradient_of(lambda boxes: giou(TARGET, boxes), predicted)
    assert np.all(np.isfinite(gradient))
    # A pixel cannot change the share of a target 10 pixels high by much more than 0.1.
    assert np.abs(gradient).max() < 1.0


@pytest.mark.parametrize("nothing", [[5, 5, 5, 5], [-1, -1, -1, -1], [9, 9, 2, 2]])
def test_target_without_area_gives_a_finite_loss_and_gradient(nothing):
    for predicted in (nothing, TARGET):
        assert np.isfinite(float(giou(nothing, predicted)))
        gradient = gradient_of(lambda boxes: giou(nothing, boxes), predicted)
        assert np.all(np.isfinite(gradient))


def test_gradient_is_the_slope_of_the_loops():
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


def test_formats_give_one_loss():
    xywh = GIoULoss("xywh")([[0, 0, 10.0, 10]], [[5, 5, 10.0, 10]])
    relative = GIoULoss("rel_yxyx")([[0, 0, 0.1, 0.05]], [[0.05, 0.025, 0.15, 0.075]])
    for loss in (xywh, relative):
        assert float(loss) == pytest.approx(1 - 25 / 175 + 50 / 225, abs=1e-5)


def test_loss_reloads_with_its_format():
    loss = GIoULoss("xywh", name="overlap", reduction="sum")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    boxes = [[[0, 0, 10.0, 10], [0, 0, 4.0, 4]]], [[[5, 5, 10.0, 10], [1, 1, 2.0, 2]]]
    assert float(again(*boxes)) == float(loss(*boxes))
    assert again.name == "overlap"


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(ValueError, match="must both have shape .*2, 4.*2, 1, 4"):
        GIoULoss()(np.ones((2, 4), "float32"), np.ones((2, 1, 4), "float32"))
    with pytest.raises(ValueError, match="must be one of"):
        GIoULoss("corners")
