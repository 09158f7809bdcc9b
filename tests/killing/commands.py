"""The commands that write, on tiny data, as processes that can be killed."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

from tests import tiny
from tests.evaluate.oracle import SIDE, write_run
from tests.interpreters import REPOSITORY
from tests.serving.artifacts import build_small_localizer

# Where a command writes, and the cache of photos, in the working folder.
OUT, CACHE = "out", "cache"
_TRAINING = "--data voc --batch-size 16 --epochs 6 --deterministic --cache disk"
_MEASURING = "localizer --split val"
# Flags by command; their paths are those of `prepare`.
COMMANDS = {
    "pretrain": f"{_TRAINING} --backbone tiny.keras --image-size 32",
    "finetune --task localize": f"{_TRAINING} --val-share 0.15 --backbone tiny.keras "
    "--image-size 32",
    "finetune --task detect": f"{_TRAINING} --val-share 0.15 --backbone deep.keras "
    "--image-size 64",
    "evaluate": f"{_MEASURING} --cache disk",
    "explain": f"{_MEASURING} --cache disk",
    "export": f"{_MEASURING} --data voc --num-photos 8",
    "predict": "voc/JPEGImages --model localizer",
    "inspect": "voc",
}
_LONGEST = 600  # seconds; what takes longer hangs


def prepare(folder):
    """Writes photos, backbones and a finished run for the commands to work on."""
    tree = tiny.write_voc(folder / "voc", num_train=60, num_val=12)
    tiny.save_backbone(folder / "tiny.keras")
    tiny.build_deep_backbone().save(folder / "deep.keras")
    model = build_small_localizer(build=lambda: tiny.build_plain_backbone(SIDE))
    write_run(folder / "localizer", tree, model, names=(*tiny.COLORS,))


def run(command, folder, kill_after=_LONGEST):
    """Runs a command until its end, or kills it and all that it started.

    Args:
        command: One of `COMMANDS`.
        folder: Working folder that `prepare` wrote to.
        kill_after: Seconds that it has from when it begins to write.

    Returns:
        `(done, seconds)`: a `subprocess.CompletedProcess`, whose `returncode` is
        `-SIGKILL` of a killed one, and how long it wrote.
    """
    name, *flags = f"{command} {COMMANDS[command]} --out {OUT}".split()
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "SSL_VOC_CACHE": CACHE,
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    before = _last_change(folder / OUT)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", f"ssl_voc.{name}", *flags],
            cwd=folder,
            env=environment,
            start_new_session=True,  # a group of its own
            stdout=out,
            stderr=err,
        )
        try:
            while process.poll() is None and _last_change(folder / OUT) == before:
                time.sleep(0.001)
            began = time.monotonic()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(kill_after)
            seconds = time.monotonic() - began
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        texts = [file.seek(0) or file.read() for file in (out, err)]
    done = subprocess.CompletedProcess(process.args, process.returncode, *texts)
    return done, seconds


def _last_change(folder):
    """When an entry of a folder came or went last; None without the folder."""
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return None
