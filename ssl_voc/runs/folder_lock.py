"""Lock that keeps two processes out of one folder."""

from pathlib import Path
from typing import Any

from ssl_voc.cli.errors import BadInput

LOCK_NAME = ".lock"


def lock_folder(folder: Path) -> Any:
    """Locks a folder for this process; the system unlocks it when the process dies.

    Args:
        folder: Folder to hold; a file `.lock` is made in it and stays.

    Returns:
        Lock to be given back by `release`, which may be called more than once.

    Raises:
        BadInput: If another process holds it.
    """
    import filelock

    lock = filelock.FileLock(folder / LOCK_NAME, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise BadInput(
            f"--out: another process is writing {folder}. Wait for it or choose "
            "another --out."
        ) from None
    return lock
