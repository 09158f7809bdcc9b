"""One process at a time in one folder."""

import errno
import signal
import subprocess
import sys

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.runs.folder_lock import LOCK_NAME, is_locked, lock_folder

HOLD = """
import pathlib, sys, time
from ssl_voc.runs.folder_lock import lock_folder
lock = lock_folder(pathlib.Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_second_process_is_refused_until_the_first_is_killed(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BadInput) as refusal:
            lock_folder(tmp_path)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    assert str(tmp_path) in str(refusal.value) and "\n" not in str(refusal.value)
    lock = lock_folder(tmp_path)
    lock.release()
    lock.release()
    lock_folder(tmp_path).release()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_file_system_without_locks_is_worked_in_without(number, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(number, "no locks here")

    monkeypatch.setattr("fcntl.flock", refuse)
    first, second = lock_folder(tmp_path), lock_folder(tmp_path)
    first.release()
    first.release()
    second.release()


def test_other_failure_of_a_lock_is_raised(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(errno.EIO, "a broken disk")

    monkeypatch.setattr("fcntl.flock", fail)
    with pytest.raises(OSError, match="broken disk"):
        lock_folder(tmp_path)
    assert not is_locked(tmp_path)


def test_a_question_for_a_lock_leaves_nothing_behind(tmp_path):
    assert not is_locked(tmp_path) and not (tmp_path / LOCK_NAME).exists()
