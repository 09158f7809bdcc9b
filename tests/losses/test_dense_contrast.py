"""Dense contrastive loss against loops over cells."""

import numpy as np
import pytest
from keras import ops

from ssl_voc.losses import dense_contrast
from tests import reference
from tests.gradients import gradient_of


def draw_cells(batch_size=4, num_cells=5, dimensions=8, seed=0):
    """Cells of two views that resemble each other, and random matches."""
    random = np.random.default_rng(seed)
    shape = batch_size, num_cells, dimensions
    cells_a = random.normal(size=shape).astype("float32")
    cells_b = (cells_a + random.normal(size=shape)).astype("float32")
    return cells_a, cells_b, random.random((batch_size, num_cells, num_cells)) < 0.3


@pytest.mark.parametrize("temperature", [0.1, 1.0])
@pytest.mark.parametrize("batch_size", [2, 5])
def test_loss_of_each_photo_is_that_of_the_loops(batch_size, temperature):
    cells_a, cells_b, matches = draw_cells(batch_size)
    matches[1] = False
    matches[0, :2] = False
    losses = dense_contrast(cells_a, cells_b, matches, temperature)
    expected = reference.dense_contrast(cells_a, cells_b, matches, temperature)
    assert expected[0] != 0.0 and expected[1] == 0.0
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-6)


def test_a_model_that_knows_nothing_scores_as_it_does_by_dcl():
    same = np.ones((4, 3, 8), "float32")
    matches = np.ones((4, 3, 3), bool)
    losses = dense_contrast(same, same, matches, 0.1)
    np.testing.assert_allclose(losses, np.log(6.0), rtol=1e-5)


def test_the_row_and_column_of_a_cell_in_its_view_tell_nothing():
    # Cells that name their index and nothing else, matched with that very index.
    named = np.broadcast_to(np.eye(3, 8, dtype="float32"), (4, 3, 8))
    matches = np.broadcast_to(np.eye(3, dtype=bool), (4, 3, 3))
    losses = dense_contrast(named, named, matches, 0.1)
    np.testing.assert_allclose(losses, np.log(6.0), rtol=1e-5)


def test_cells_are_drawn_together_where_they_match_alone():
    cells_a, cells_b, _ = draw_cells(2, 2)
    matches = np.zeros((2, 2, 2), bool)
    matches[:, 0, 1] = True
    gradient = gradient_of(
        lambda cells: dense_contrast(cells, cells_b, matches, 0.5)[0], cells_a
    )
    # Of photo 0, cell 0 is compared; cell 1 is a candidate, but of photo 1.
    assert np.abs(gradient[0, 0]).max() > 1e-3
    assert not gradient[0, 1].any()


def test_a_photo_alone_in_its_batch_costs_nothing_and_has_no_gradient():
    cells_a, cells_b, _ = draw_cells(1)
    matches = np.ones((1, 5, 5), bool)
    assert float(dense_contrast(cells_a, cells_b, matches, 0.1)[0]) == 0.0
    gradient = gradient_of(
        lambda cells: dense_contrast(cells, cells_b, matches, 0.1), cells_a
    )
    assert not gradient.any()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_gradient_of_collapsed_and_of_zero_cells_is_finite(value):
    cells = np.full((3, 4, 8), value, "float32")
    matches = np.zeros((3, 4, 4), bool)
    matches[:2] = np.eye(4)
    gradient = gradient_of(lambda z: dense_contrast(z, z + 0.0, matches, 0.1), cells)
    assert np.isfinite(gradient).all()


def test_half_precision_is_that_of_the_rounded_cells():
    cells_a, cells_b, matches = draw_cells()
    halves = [ops.cast(cells, "float16") for cells in (cells_a, cells_b)]
    rounded = [ops.convert_to_numpy(ops.cast(cells, "float32")) for cells in halves]
    expected = reference.dense_contrast(*rounded, matches, 0.1)
    losses = dense_contrast(*halves, matches, 0.1)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


def test_cells_of_other_shapes_are_refused():
    cells = np.ones((4, 3, 8), "float32")
    with pytest.raises(ValueError, match="`cells_a` and `cells_b`"):
        dense_contrast(cells, cells[:, :2], np.ones((4, 3, 2), bool), 0.1)
