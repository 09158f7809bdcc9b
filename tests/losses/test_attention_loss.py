import numpy as np
import pytest
from keras import ops

from ssl_voc.losses.attention_loss import attention_loss
from tests import reference
from tests.gradients import gradient_of


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (3, 7), (1, 1)])
def test_loss_is_that_of_the_loops(rows, columns):
    random = np.random.default_rng(0)
    corners = random.uniform(-0.1, 0.7, (20, 2))
    boxes = np.concatenate([corners, corners + random.uniform(0.15, 0.6, (20, 2))], 1)
    logits = random.normal(0, 2, (20, rows, columns)).astype("float32")
    found = ops.convert_to_numpy(attention_loss(boxes.astype("float32"), logits))
    assert found.shape == (20,) and found.dtype == "float32"
    expected = [*map(reference.attention_loss, boxes, logits)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("box", "touched"),
    [
        # A border between cells is no part of either neighbour.
        ([0.0, 0.0, 0.5, 0.5], 4),
        ([0.25, 0.5, 0.75, 0.75], 2),
        # A thread across four columns.
        ([0.1, 0.6, 0.9, 0.61], 4),
        ([0.3, 0.3, 0.31, 0.31], 1),
        ([-1.0, -1.0, 2.0, 2.0], 16),
    ],
)
def test_even_attention_costs_the_log_of_cells_over_cells_touched(box, touched):
    logits = np.full((1, 4, 4), 3.0, "float32")
    loss = attention_loss(np.array([box], "float32"), logits)
    assert float(loss[0]) == pytest.approx(np.log(16 / touched), abs=1e-5)


def test_attention_inside_is_free_and_outside_is_dear():
    logits = np.zeros((1, 4, 4), "float32")
    logits[0, 1, 2] = 50.0
    boxes = np.array([[0.5, 0.25, 0.75, 0.5]], "float32")
    assert float(attention_loss(boxes, logits)[0]) == pytest.approx(0.0, abs=1e-5)
    # Nearly all of it lies elsewhere: 50 less the log of 16 cells would be even.
    boxes = np.array([[0.0, 0.0, 0.2, 0.2]], "float32")
    assert float(attention_loss(boxes, logits)[0]) == pytest.approx(50.0, abs=1e-3)


def test_gradient_raises_the_cells_inside_and_lowers_the_others():
    boxes = np.array([[0.0, 0.0, 0.5, 0.25]], "float32")
    gradient = gradient_of(
        lambda logits: attention_loss(boxes, logits), np.zeros((1, 4, 4))
    )[0]
    inside = np.zeros((4, 4), "bool")
    inside[0, :2] = True
    # Softmax over all less softmax over those inside.
    expected = np.where(inside, 1 / 16 - 1 / 2, 1 / 16)
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


@pytest.mark.parametrize(
    "box", [[-1.0, -1.0, -1.0, -1.0], [0.5, 0.5, 0.5, 0.5], [1.2, 1.2, 1.5, 1.5]]
)
def test_a_box_that_touches_no_cell_costs_nothing(box):
    boxes = np.array([box], "float32")
    logits = np.random.default_rng(0).normal(size=(1, 4, 4))
    assert float(attention_loss(boxes, logits)[0]) == 0.0
    gradient = gradient_of(lambda moved: attention_loss(boxes, moved), logits)
    np.testing.assert_array_equal(gradient, 0.0)


def test_narrow_logits_are_computed_in_float32():
    boxes = np.array([[0.0, 0.0, 0.5, 0.5]], "float32")
    logits = ops.convert_to_tensor(np.full((1, 64, 64), 30.0), dtype="float16")
    loss = attention_loss(boxes, logits)
    assert float(loss[0]) == pytest.approx(np.log(4.0), abs=1e-4)
