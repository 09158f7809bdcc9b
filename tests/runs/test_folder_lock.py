"""One process at a time in one folder."""

import signal
import subprocess
import sys

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.runs.folder_lock import FolderLock, fcntl

pytestmark = pytest.mark.skipif(fcntl is None, reason="no fcntl on this system")

HOLD = """
import pathlib, sys, time
from ssl_voc.runs.folder_lock import FolderLock
lock = FolderLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_second_process_is_refused_until_the_first_dies(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BadInput, match="another process is writing"):
            FolderLock(tmp_path)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    FolderLock(tmp_path).release()


def test_released_folder_can_be_taken_again(tmp_path):
    lock = FolderLock(tmp_path)
    lock.release()
    lock.release()
    FolderLock(tmp_path).release()
