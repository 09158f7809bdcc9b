"""Folders that appear complete or not at all."""

import contextlib
import os
import secrets
import shutil


@contextlib.contextmanager
def new_folder(path):
    """Gives a temporary folder beside `path`, which takes its name on success.

    Args:
        path: `Path` of the folder to make. It may exist if it is empty.

    Yields:
        `Path` to write to; it is deleted when the block raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    part.mkdir()
    try:
        yield part
        os.replace(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def sole_writer(path):
    """Waits for other processes that make `path`, and deletes what a killed one left.

    The lock is a file beside `path`; the system releases that of a process that dies.

    Raises:
        OSError: If the folder of `path` cannot be written to.
    """
    import filelock

    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.with_suffix(".lock")):
        for part in path.parent.glob(f".{path.name}.*.part"):
            shutil.rmtree(part, ignore_errors=True)
        yield
