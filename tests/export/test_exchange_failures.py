"""ONNX and LiteRT exports that fail, and what is told of the cause."""

import errno
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from ssl_voc.cli.errors import BadInput
from ssl_voc.export import onnx_litert

CONFIG = SimpleNamespace(format="onnx")
FINISHED = SimpleNamespace(task="localize", class_names=("cat",))
HELD = SimpleNamespace(photos=[None], images=np.zeros((1, 16, 16, 3), "uint8"))


def raising(error):
    def function(*_):
        raise error

    return function


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes by the functions that are given, and asks by what the second returns."""

    def function(write_onnx, open_session):
        monkeypatch.setattr(onnx_litert, "ServedModel", lambda *_: None)
        monkeypatch.setattr(onnx_litert, "_write_onnx", write_onnx)
        monkeypatch.setattr(onnx_litert, "_onnx_session", open_session)
        onnx_litert.write_exchange_file(CONFIG, FINISHED, None, HELD, tmp_path)

    return function


@pytest.mark.parametrize("fails_late", [False, True])
def test_what_the_format_lacks_is_told_in_its_first_line(write, fails_late):
    fail = raising(ValueError("no operation Foo\nof 12 pages"))
    functions = (lambda *_: None, fail) if fails_late else (fail, None)
    with pytest.raises(
        BadInput, match="onnx cannot hold this model: no operation Foo$"
    ):
        write(*functions)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        MemoryError(),
        tf.errors.ResourceExhaustedError(None, None, "model; No space left on device"),
    ],
)
def test_a_full_disk_or_memory_is_no_fault_of_the_model(write, error):
    with pytest.raises(type(error)):
        write(raising(error), None)


def test_a_defect_in_asking_is_no_fault_of_the_model(write):
    with pytest.raises(TypeError, match="of our own"):
        write(lambda *_: None, lambda *_: raising(TypeError("of our own")))
