"""Files under a kill: the old ones or the new ones."""

import errno
import os
import stat

import pytest

from ssl_voc.cli.errors import is_full_disk
from ssl_voc.runs import atomic_files


def test_file_changes_after_the_block_alone_and_not_when_it_fails(tmp_path):
    path = tmp_path / "curves.png"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        with atomic_files.replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["curves.png"]
    with atomic_files.replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.suffix == ".png"
        assert temporary.parent == path.parent
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["curves.png"]


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("backbone.weights.h5", ".h5"),
        (f"1.{'x' * 249}.jpg", ".jpg"),
        (f"1.{'é' * 124}.jpg", ".jpg"),
        (f"1.{'x' * 253}", ""),
        (f"{'.x' * 125}.jpg", ".jpg"),
    ],
)
def test_longest_name_is_written_and_a_short_suffix_kept(name, suffix, tmp_path):
    with atomic_files.replacing(tmp_path / name) as temporary:
        assert "".join(temporary.suffixes) == suffix
    assert os.listdir(tmp_path) == [name]


def test_others_may_read_what_the_umask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        atomic_files.write_text(tmp_path / "a.txt", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_leftovers_of_a_kill_are_removed_and_nothing_else(tmp_path):
    half = f"{atomic_files.TEMPORARY_PREFIX}abc.png"
    for folder in ("", "pictures/day 1", "evaluation"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "kept.txt").write_text("")
        (tmp_path / folder / half).write_text("half")
    (tmp_path / "evaluation" / ".lock").touch()  # another run, perhaps at work
    atomic_files.remove_leftovers(tmp_path)
    assert not (tmp_path / half).exists() and len([*tmp_path.rglob(half)]) == 2
    atomic_files.remove_leftovers(tmp_path, subfolders=True)
    assert [*tmp_path.rglob(half)] == [tmp_path / "evaluation" / half]
    assert len([*tmp_path.rglob("kept.txt")]) == 3


def test_text_and_lines_are_utf8_with_other_bytes_spelled_out(tmp_path):
    name = os.fsdecode(b"caf\xe9.jpg") + " Größe 96"
    atomic_files.write_text(tmp_path / "skipped.txt", f"{name}\n")
    atomic_files.append_line(tmp_path / "skipped.txt", name)
    written = (tmp_path / "skipped.txt").read_bytes().decode()
    assert written == "caf\\udce9.jpg Größe 96\n" * 2


def test_a_line_for_which_the_disk_has_no_room_is_an_error(tmp_path):
    resource = pytest.importorskip("resource", reason="no limits of files here")
    path = tmp_path / "metrics.jsonl"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(OSError) as raised:
            atomic_files.append_line(path, "a line of 25 characters .")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert is_full_disk(raised.value)
    assert len(path.read_bytes()) == 10


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EBADF, errno.ENOTSUP])
def test_a_file_system_that_syncs_no_folders_is_written_to(
    tmp_path, monkeypatch, number
):
    def sync(descriptor, refused=stat.S_ISDIR):
        if refused(os.fstat(descriptor).st_mode):
            raise OSError(number, "it did not work")

    monkeypatch.setattr(os, "fsync", sync)
    atomic_files.write_text(tmp_path / "a.txt", "text")
    monkeypatch.setattr(os, "fsync", lambda each: sync(each, stat.S_ISREG))
    with pytest.raises(OSError, match="it did not work"):
        atomic_files.write_text(tmp_path / "b.txt", "text")
    assert os.listdir(tmp_path) == ["a.txt"]
