"""Mosaics and crops of labelled images where tensorflow cannot be imported."""

import pathlib

import numpy as np
import pytest

PROGRAM = pathlib.Path(__file__).with_name("augment_arrays.py")

pytestmark = pytest.mark.slow


def test_boxes_follow_their_objects_and_fit_compiles_the_layer(
    run_without_tensorflow, tmp_path
):
    run_without_tensorflow(PROGRAM, tmp_path / "computed.npz")
    with np.load(tmp_path / "computed.npz") as file:
        computed = dict(file)
    assert not computed["tensorflow"]
    boxes, seen = computed["listed"][:, 2:6], computed["listed"][:, 6:]
    np.testing.assert_allclose(boxes, seen, atol=1.0)
    assert 0.6 * computed["num_found"] < len(boxes) <= computed["num_found"]
    # More than the eight objects of the images: there are mosaics.
    assert len(boxes) > 10
    assert np.isfinite(computed["losses"]).all()
