"""Claims: one owner a cell, and none for ever."""

import json
import os
import subprocess
import sys

from ssl_voc.study.claims import NAME, Claims, _host


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def write_claim(folder, **owner):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_text(json.dumps(owner))


def dead_process():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_second_process_waits_until_the_first_is_done(tmp_path):
    one, other = Claims(), Claims()
    with one.claim(tmp_path / "cell") as first:
        with other.claim(tmp_path / "cell") as second:
            assert first and not second
        assert (tmp_path / "cell" / NAME).exists()
    with other.claim(tmp_path / "cell") as second:
        assert second
    assert not any((tmp_path / "cell").iterdir())


def test_file_system_without_links_gives_a_claim_to_one_alone(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    with Claims().claim(tmp_path) as first, Claims().claim(tmp_path) as second:
        assert first and not second
    assert not any(tmp_path.iterdir())


def test_claim_ends_when_the_block_raises(tmp_path):
    try:
        with Claims().claim(tmp_path):
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert not (tmp_path / NAME).exists()


def test_claim_of_a_dead_process_of_this_machine_is_taken_over_at_once(tmp_path):
    write_claim(tmp_path, host=_host(), pid=dead_process(), token="a")
    with Claims().claim(tmp_path) as is_ours:
        assert is_ours
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()


def test_container_of_the_same_name_is_another_machine(tmp_path):
    # Its processes have numbers of their own.
    write_claim(tmp_path, host=f"{_host()}, another", pid=dead_process(), token="a")
    with Claims().claim(tmp_path) as is_ours:
        assert not is_ours


def test_claim_of_another_machine_is_taken_over_when_it_has_not_beaten(tmp_path):
    clock = Clock()
    claims = Claims(stale=90.0, clock=clock)
    write_claim(tmp_path, host="elsewhere", pid=1, token="a")

    def is_taken():
        with claims.claim(tmp_path) as is_ours:
            return is_ours

    assert not is_taken()
    clock.now = 80.0
    assert not is_taken()
    os.utime(tmp_path / NAME, (1, 1))  # a beat, by whatever clock
    clock.now = 100.0
    assert not is_taken()
    clock.now = 189.0
    assert not is_taken()
    clock.now = 191.0
    assert is_taken()


def test_owner_beats_while_it_works(tmp_path):
    import time

    with Claims(beat=0.02).claim(tmp_path):
        os.utime(tmp_path / NAME, (1, 1))
        limit = time.monotonic() + 5
        while (tmp_path / NAME).stat().st_mtime == 1 and time.monotonic() < limit:
            time.sleep(0.01)
        assert (tmp_path / NAME).stat().st_mtime > 1


def test_of_two_that_take_over_one_wins(tmp_path, monkeypatch):
    """The slower one finds the faster one's claim in its hands and gives it back."""
    clock = Clock()
    slow, fast = Claims(stale=1, clock=clock), Claims(stale=1, clock=clock)
    write_claim(tmp_path, host="elsewhere", pid=1, token="a")
    for claims in (slow, fast):
        with claims.claim(tmp_path) as is_ours:
            assert not is_ours
    clock.now = 2.0
    rename = os.rename
    holder = fast.claim(tmp_path)

    def late(*paths):
        monkeypatch.setattr(os, "rename", rename)
        assert holder.__enter__()
        rename(*paths)

    monkeypatch.setattr(os, "rename", late)
    with slow.claim(tmp_path) as is_ours:
        assert not is_ours
    assert json.loads((tmp_path / NAME).read_text())["token"] == fast.token
    holder.__exit__(None, None, None)
    assert not any(tmp_path.iterdir())
