"""Claims: which of several processes, perhaps on several machines, runs a cell."""

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from pathlib import Path

from ssl_voc.runs.json_files import read_json_dict

NAME = "claim.json"
BEAT_SECONDS = 10.0
# Without a beat for so long a claim is that of a dead process.
STALE_SECONDS = 90.0


class Claims:
    """Claims of one process on the cells of a folder that others share.

    A claim is a file that can be created once, by whoever is first, on any file system
    that several machines share. Its owner touches it every `beat` seconds. A claim that
    nobody touches for `stale` seconds of this process' own clock, or whose process is
    gone from this machine, is taken over: renamed, which one process alone can do, and
    made anew. No clock is compared with another machine's.

    Args:
        beat: Seconds between two touches.
        stale: Seconds without a touch after which the owner counts as dead.
        clock: Returns seconds.
    """

    def __init__(self, beat=BEAT_SECONDS, stale=STALE_SECONDS, clock=time.monotonic):
        self.beat, self.stale, self.clock = beat, stale, clock
        self.token = uuid.uuid4().hex
        self._seen = {}

    @contextlib.contextmanager
    def claim(self, folder):
        """Claims a folder for the block.

        Args:
            folder: Path of the cell's folder; made if missing.

        Yields:
            Whether this process has it; False where another one has.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / NAME
        if not (self._create(path) or self._take_over(path) and self._create(path)):
            yield False
            return
        stop = threading.Event()
        beating = threading.Thread(target=self._beat, args=(path, stop), daemon=True)
        beating.start()
        try:
            yield True
        finally:
            stop.set()
            beating.join()
            if read_json_dict(path).get("token") == self.token:
                path.unlink(missing_ok=True)

    def _create(self, path):
        owner = {"host": _host(), "pid": os.getpid(), "token": self.token}
        temporary = path.with_name(f".{self.token}.json")
        temporary.write_text(json.dumps(owner), encoding="utf-8")
        try:
            return _give_name(temporary, path)
        finally:
            temporary.unlink()

    def _take_over(self, path):
        """Whether a dead owner's claim was there and this process removed it."""
        owner = read_json_dict(path)
        if not self._is_dead(path, owner):
            return False
        taken = path.with_name(f".taken-{self.token}.json")
        try:
            os.rename(path, taken)
        except FileNotFoundError:
            return False  # another process was quicker
        if read_json_dict(taken) != owner:
            # Another process was quicker and has claimed it anew: given back.
            _give_name(taken, path)
            taken.unlink()
            return False
        taken.unlink()
        return True

    def _is_dead(self, path, owner):
        try:
            touched = path.stat().st_mtime_ns
        except FileNotFoundError:
            return False
        is_here = owner.get("host") == _host()
        if is_here and not _is_running(owner.get("pid", -1)):
            return True
        mark = (owner.get("token"), touched)
        known, since = self._seen.get(path, (None, 0.0))
        if known != mark:
            self._seen[path] = mark, self.clock()
            return False
        return self.clock() - since > self.stale

    def _beat(self, path, stop):
        while not stop.wait(self.beat):
            with contextlib.suppress(OSError):
                os.utime(path)


def _host():
    """Where numbers of processes mean the same: this machine, or this container.

    Containers and cloned machines may share a name.
    """
    marks = [socket.gethostname()]
    with contextlib.suppress(OSError):  # of Linux
        marks.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        marks.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(marks)


def _give_name(source, path):
    """Copies a file to a name that nobody has taken; whether that was so."""
    try:
        # A link is there whole or not at all, unlike a file that is opened.
        os.link(source, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        try:
            with open(path, "xb") as file:
                file.write(source.read_bytes())
        except FileExistsError:
            return False
    return True


def _is_running(pid):
    """Whether there is a process of that number on this machine."""
    if os.name == "nt":  # os.kill would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return pid > 0
