import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc import boxes
from ssl_voc.losses import BoxLoss
from tests import box_reference
from tests.gradients import gradient_of

SHAPE = (50, 200)  # height and width: sides must not be mixed up


def loop_loss(target, predicted, overlap, weight):
    """Loss of one pair of boxes in pixels."""
    sides = np.array([SHAPE[1], SHAPE[0]] * 2)
    target, predicted = target / sides, predicted / sides
    smooth = 0.0
    for error in np.abs(target - predicted):
        smooth += error**2 / (2 * 0.05) if error < 0.05 else error - 0.05 / 2
    apart = 1 - getattr(box_reference, overlap)(target, predicted)
    return apart + weight * smooth / 4 / 0.05


@pytest.fixture
def pair():
    random = np.random.default_rng(0)
    return [box_reference.random_boxes(random, 6, 1, size=60) for _ in range(2)]


@pytest.mark.parametrize("overlap", ["giou", "ciou"])
@pytest.mark.parametrize("weight", [0.0, 0.5, 3.0])
def test_loss_is_that_of_the_loops(pair, overlap, weight):
    loss = BoxLoss("xyxy", SHAPE, overlap, weight, reduction="none")
    found = ops.convert_to_numpy(loss(*pair))
    assert found.shape == (6, 1)
    for row in range(6):
        expected = loop_loss(pair[0][row, 0], pair[1][row, 0], overlap, weight)
        assert found[row, 0] == pytest.approx(expected, rel=1e-4)
    mean = float(BoxLoss("xyxy", SHAPE, overlap, weight)(*pair))
    assert mean == pytest.approx(found.mean(), rel=1e-5)


def test_golden_boxes():
    loss = BoxLoss("xyxy", (100, 100))
    target = [[0.0, 0, 10, 10]]
    assert float(loss(target, target)) == 0.0
    # IoU 25 / 175, uncovered 50 of 225; every side is wrong by 5 %, which costs half
    # of the weight of 0.5.
    expected = 1 - (25 / 175 - 50 / 225) + 0.25
    assert float(loss(target, [[5.0, 5, 15, 15]])) == pytest.approx(expected, rel=1e-5)
    # One side wrong by 20 %: IoU 100 / 300, (0.2 - 0.025) / 4 / 0.05 * 0.5.
    expected = 1 - 1 / 3 + 0.4375
    assert float(loss(target, [[0.0, 0, 30, 10]])) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("bounding_box_format", boxes.FORMATS)
def test_formats_give_one_loss(pair, bounding_box_format):
    expected = float(BoxLoss("xyxy", SHAPE)(*pair))
    converted = [
        boxes.convert_format(side, "xyxy", bounding_box_format, SHAPE) for side in pair
    ]
    loss = BoxLoss(bounding_box_format, SHAPE)
    assert float(loss(*converted)) == pytest.approx(expected, rel=1e-4)
    if bounding_box_format.startswith("rel_"):
        alone = BoxLoss(bounding_box_format)
        assert float(alone(*converted)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("overlap", ["giou", "ciou"])
def test_every_side_of_a_box_that_lies_apart_has_a_gradient(overlap):
    loss = BoxLoss("rel_xyxy", overlap=overlap, reduction="none")
    target, predicted = [0.1, 0.1, 0.3, 0.3], [0.6, 0.7, 0.8, 0.8]
    gradient = gradient_of(lambda side: loss([target], side), [predicted])[0]
    # Downhill is to the left and up.
    assert np.all(gradient > 0.5) and np.all(np.isfinite(gradient))


@pytest.mark.parametrize("nothing", [[0.2, 0.2, 0.2, 0.2], [-0.1, -0.1, -0.1, -0.1]])
def test_boxes_without_area_give_finite_losses_and_gradients(nothing):
    loss = BoxLoss("rel_xyxy", reduction="none")
    for side in (nothing, [0.1, 0.1, 0.3, 0.3]):
        assert np.isfinite(float(loss([nothing], [side])[0]))
        gradient = gradient_of(lambda moved: loss([nothing], moved), [side])
        assert np.all(np.isfinite(gradient))


def test_reloaded_loss_is_the_same(pair):
    loss = BoxLoss("yxyx", SHAPE, "ciou", 2.0, name="fit", reduction="sum")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert float(again(*pair)) == float(loss(*pair))
    assert (again.name, again.image_shape) == ("fit", SHAPE)


def test_arguments_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="`overlap` must be one of giou, ciou.*'iou'"):
        BoxLoss("rel_xyxy", overlap="iou")
    with pytest.raises(ValueError, match=r"pixels need `image_shape`.*'xywh'"):
        BoxLoss("xywh")
    with pytest.raises(ValueError, match="`bounding_box_format` must be one of"):
        BoxLoss("corners", SHAPE)
    with pytest.raises(ValueError, match="must both have shape .*2, 4.*2, 1, 4"):
        BoxLoss("rel_xyxy")(np.ones((2, 4)), np.ones((2, 1, 4)))
