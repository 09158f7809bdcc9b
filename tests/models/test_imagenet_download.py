"""Why ImageNet weights could not be had, told by what Keras' download raises."""

import errno
import http.client
import ssl
import urllib.error
import urllib.request

import pytest
from keras.src.utils import file_utils

from ssl_voc.models.imagenet_download import WeightsUnavailable, build_with_imagenet

NAME = "net_notop.h5"


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """Folder of Keras' downloads."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(
        "keras.src.backend.config.keras_home", lambda: str(tmp_path), raising=True
    )
    return tmp_path / "models"


def build(weights):
    """What a builder of `keras.applications` does first."""
    return file_utils.get_file(
        NAME,
        f"https://localhost/{NAME}",
        cache_subdir="models",
        file_hash="0" * 32,
    )


def failing(error):
    def urlretrieve(*arguments):
        raise error

    return urlretrieve


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError(OSError(-2, "Name or service not known")),
        urllib.error.HTTPError("https://a", 503, "Unavailable", {}, None),
        urllib.error.ContentTooShortError("got only 3 of 9 bytes", None),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError("The read operation timed out"),
        http.client.IncompleteRead(b"abc"),
        ssl.SSLError(1, "bad record"),
    ],
)
def test_network_and_server_make_weights_unavailable(monkeypatch, keras_home, error):
    monkeypatch.setattr(file_utils, "urlretrieve", failing(error))
    with pytest.raises(WeightsUnavailable, match="net could not be had: .*") as caught:
        build_with_imagenet(build, "net")
    assert "\n" not in str(caught.value) and "'..._notop.h5'" in str(caught.value)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_an_error_that_names_the_folder(monkeypatch, keras_home, number):
    error = OSError(number, "No space")
    monkeypatch.setattr(file_utils, "urlretrieve", failing(error))
    with pytest.raises(ValueError, match="disk is full: free .*KERAS_HOME") as caught:
        build_with_imagenet(build, "net")
    assert not isinstance(caught.value, WeightsUnavailable)
    assert str(keras_home) in str(caught.value)


@pytest.mark.parametrize("variable", ["KERAS_HOME", "HOME"])
def test_folder_is_that_which_keras_falls_back_to(monkeypatch, tmp_path, variable):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    error = OSError(errno.ENOSPC, "No space")
    with pytest.raises(ValueError, match="free some space for /tmp/.keras/models"):
        build_with_imagenet(failing(error), "net")


def test_folder_that_cannot_be_written_is_an_error(monkeypatch, keras_home):
    error = PermissionError(errno.EACCES, "Permission denied", "a/b")
    monkeypatch.setattr(file_utils, "urlretrieve", failing(error))
    with pytest.raises(ValueError, match="Permission denied.*--weights none") as caught:
        build_with_imagenet(build, "net")
    assert not isinstance(caught.value, WeightsUnavailable)


def test_damaged_file_that_keras_removes_without_a_network_is_an_error(
    monkeypatch, keras_home
):
    keras_home.mkdir()
    (keras_home / NAME).write_bytes(b"half of it")
    (keras_home / "other.h5").write_bytes(b"")
    monkeypatch.setattr(file_utils, "urlretrieve", failing(urllib.error.URLError("a")))
    with pytest.raises(ValueError, match=f"{NAME} was damaged") as caught:
        build_with_imagenet(build, "net")
    assert not isinstance(caught.value, WeightsUnavailable)
    # The second time there is none, as on any machine without a network.
    with pytest.raises(WeightsUnavailable):
        build_with_imagenet(build, "net")


def test_file_that_is_not_what_the_server_promised_is_an_error(monkeypatch, keras_home):
    def urlretrieve(origin, path, *arguments):
        with open(path, "wb") as file:
            file.write(b"<html>log in first")

    monkeypatch.setattr(file_utils, "urlretrieve", urlretrieve)
    with pytest.raises(ValueError, match="corrupted.*Delete the file under") as caught:
        build_with_imagenet(build, "net")
    assert not isinstance(caught.value, WeightsUnavailable)


def test_error_without_words_is_named():
    def build(weights):
        raise KeyError

    with pytest.raises(ValueError, match="could not be had: KeyError. Delete"):
        build_with_imagenet(build, "net")
