"""Kernels that a training takes on a CPU, and keeps to."""

import os
import sys

import pytest

from ssl_voc.runs.onednn import VARIABLE, choose_onednn, faster_onednn

DESKTOP, SERVER = ("AVX2",), ("AVX2", "AVX-512", "AVX512_ICL")


@pytest.fixture(autouse=True)
def before_tensorflow(monkeypatch):
    """TensorFlow is not loaded, and the user has set nothing."""
    monkeypatch.setenv(VARIABLE, "x")  # restores it
    monkeypatch.delenv(VARIABLE)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)


@pytest.mark.parametrize(
    ("image_size", "sets", "value"),
    [
        (96, DESKTOP, "1"),
        (80, DESKTOP, "1"),
        (79, DESKTOP, None),
        (64, DESKTOP, None),
        (96, SERVER, None),  # on by TensorFlow's own choice
        (96, ("NEON", "ASIMD"), None),
        (96, (), None),
    ],
)
def test_onednn_is_turned_on_for_larger_images_with_avx2_alone(image_size, sets, value):
    assert faster_onednn(image_size, sets) == value
    assert choose_onednn(image_size, sets, {}) is (value is not None)
    assert os.environ.get(VARIABLE) == value


@pytest.mark.parametrize("value", ["0", "1"])
def test_what_the_user_has_set_stays(monkeypatch, value):
    monkeypatch.setenv(VARIABLE, value)
    assert choose_onednn(96, DESKTOP, {}) is False
    assert choose_onednn(96, DESKTOP, {"onednn": "1"}) is False
    assert os.environ[VARIABLE] == value


@pytest.mark.parametrize("value", ["0", "1"])
def test_a_run_goes_on_with_the_kernels_that_it_began_with(value):
    for size, sets in ((96, SERVER), (64, DESKTOP)):
        os.environ.pop(VARIABLE, None)
        assert choose_onednn(size, sets, {"onednn": value})
        assert os.environ[VARIABLE] == value


@pytest.mark.parametrize("begun", [{"onednn": None}, {"command": "pretrain"}])
def test_a_run_that_began_by_tensorflows_choice_keeps_to_that(begun):
    """As one of an older version did."""
    assert choose_onednn(96, DESKTOP, begun) is False
    assert VARIABLE not in os.environ


def test_a_tensorflow_that_is_loaded_has_chosen(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    assert choose_onednn(96, DESKTOP, {}) is False
    assert VARIABLE not in os.environ
