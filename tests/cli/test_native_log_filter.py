"""Chatter of native libraries."""

import contextlib
import os
import tempfile

from ssl_voc.cli.native_log_filter import filter_native_logs

CHATTER = "I0000 00:00:17.46 461 port.cc:153] oneDNN custom operations are on.\n"
WARNING = "W0000 00:00:17.46 461 gpu.cc:12] Cannot dlopen some GPU libraries.\n"


def write(text):
    os.write(2, text.encode())  # As a native library does.


def test_information_is_dropped_and_warnings_are_passed_on(capfd):
    with contextlib.suppress(ImportError), filter_native_logs():
        write(CHATTER)
        write(WARNING)
        assert capfd.readouterr().err == ""
        raise ImportError  # as loading may fail
    assert capfd.readouterr().err == WARNING
    write(CHATTER)
    assert capfd.readouterr().err == CHATTER


def test_who_asks_for_every_message_gets_it(capfd, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with filter_native_logs():
        write(CHATTER)
    assert capfd.readouterr().err == CHATTER


def test_without_room_for_a_temporary_file_nothing_is_held_back(capfd, monkeypatch):
    def refuse():
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with filter_native_logs():
        write(CHATTER)
        assert capfd.readouterr().err == CHATTER
