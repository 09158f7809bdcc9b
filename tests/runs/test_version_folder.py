"""Numbered version folders."""

import os
import signal
import subprocess
import sys

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.runs import version_folder
from ssl_voc.runs.atomic_files import current_umask
from ssl_voc.runs.version_folder import new_version, versions_of
from tests.interpreters import REPOSITORY


def write_one(folder, text="weights"):
    with new_version(folder) as version:
        (version.staging / "variables").mkdir()
        (version.staging / "variables" / "data").write_text(text)
    return version.path


def test_versions_count_on_from_the_highest(tmp_path):
    folder = tmp_path / "models" / "cats"
    assert versions_of(folder) == []
    assert write_one(folder) == folder / "1"
    (folder / "12").mkdir()
    (folder / "README.md").write_text("what these are")
    assert write_one(folder, "others") == folder / "13"
    assert (folder / "1/variables/data").read_text() == "weights"
    assert versions_of(folder) == [folder / "1", folder / "12", folder / "13"]


def test_a_version_is_on_the_disk_under_its_number(tmp_path, monkeypatch):
    synced = []

    def sync(path):
        synced.append((path, (tmp_path / "1").exists()))

    monkeypatch.setattr(version_folder, "sync_to_disk", sync)
    write_one(tmp_path)
    assert {is_named for _, is_named in synced[:-1]} == {False}
    assert synced[-1] == (tmp_path, True)


def test_digits_of_other_scripts_name_no_version(tmp_path):
    (tmp_path / "\N{ARABIC-INDIC DIGIT SEVEN}").mkdir()
    assert versions_of(tmp_path) == []
    assert write_one(tmp_path) == tmp_path / "1"


def test_a_version_that_appeared_meanwhile_is_not_written_over(tmp_path):
    with new_version(tmp_path) as version:
        (version.staging / "mine").write_text("mine")
        (tmp_path / "1").mkdir()
        (tmp_path / "1" / "theirs").write_text("theirs")
    assert version.path == tmp_path / "2"
    assert [path.name for path in (tmp_path / "1").iterdir()] == ["theirs"]


def test_what_fails_leaves_nothing(tmp_path):
    folder = tmp_path / "cats"
    with pytest.raises(RuntimeError), new_version(folder) as version:
        (version.staging / "half").write_text("half")
        raise RuntimeError
    assert not folder.exists()
    write_one(folder)
    with pytest.raises(KeyboardInterrupt), new_version(folder):
        raise KeyboardInterrupt
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "1"]


KILLED = """
import os, signal, sys
from ssl_voc.runs.version_folder import new_version
with new_version(sys.argv[1]) as version:
    (version.staging / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_leaves_no_version_and_the_next_export_cleans_up(tmp_path):
    write_one(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path],
        cwd=REPOSITORY,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL
    left = {path.name for path in tmp_path.iterdir()} - {".lock", "1"}
    # TF Serving looks at folders named by numbers alone.
    assert len(left) == 1 and not left.pop().isdecimal()
    assert write_one(tmp_path).name == "2"
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "1", "2"}


def test_two_exports_at_once_are_refused(tmp_path):
    with (
        new_version(tmp_path),
        pytest.raises(BadInput, match="another process is writing"),
        new_version(tmp_path),
    ):
        pass
    assert write_one(tmp_path).name == "2"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_a_server_of_another_user_may_read_the_version(tmp_path):
    mode = write_one(tmp_path).stat().st_mode
    assert mode & 0o777 == 0o777 & ~current_umask()
