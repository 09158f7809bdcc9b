import errno

import ml_dtypes
import numpy as np
import pytest

from ssl_voc.runs import array_files
from ssl_voc.runs.array_files import read_arrays, write_arrays


def test_arrays_come_back_by_name_and_in_order(tmp_path):
    arrays = {
        "weights": np.arange(6, dtype="float32").reshape(2, 3),
        "half": np.array([1.5, -2.0], "float16"),
        "step": np.array(7, "int64"),
        "flag": np.array([True, False]),
    }
    write_arrays(tmp_path / "a.npz", arrays)
    found = read_arrays(tmp_path / "a.npz")
    assert list(found) == list(arrays)
    for name, values in arrays.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


def test_bfloat16_keeps_its_values(tmp_path):
    values = np.array([1.0, 0.1, -3e38], ml_dtypes.bfloat16)
    write_arrays(tmp_path / "a.npz", {"weights": values})
    found = read_arrays(tmp_path / "a.npz")["weights"]
    np.testing.assert_array_equal(found.astype(ml_dtypes.bfloat16), values)


def test_a_missing_file_is_told_as_the_system_does(tmp_path):
    with pytest.raises(ValueError, match="damaged: .*No such file"):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE])
def test_a_file_that_the_system_does_not_open_is_not_called_damaged(
    tmp_path, monkeypatch, number
):
    def refuse(*arguments):
        raise OSError(number, "refused")

    monkeypatch.setattr(array_files, "open", refuse, raising=False)
    with pytest.raises(OSError, match="refused"):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x04K\x01."])
def test_other_files_are_damaged_ones(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match="damaged: it is no npz file"):
        read_arrays(tmp_path / "a.npz")
