"""Lock that keeps two processes out of one folder."""

import errno
from pathlib import Path
from typing import Any

from ssl_voc.cli.errors import BadInput

LOCK_NAME = ".lock"
# Of file systems without locks, such as NFS without its lock daemon.
_NO_LOCKS = {
    errno.ENOLCK,
    errno.EOPNOTSUPP,
    errno.ENOTSUP,
    errno.ENOSYS,
    errno.EINVAL,
}


def is_locked(folder: Path) -> bool:
    """Whether another process holds a folder; False where that cannot be told."""
    if not (folder / LOCK_NAME).exists():
        return False
    try:
        lock_folder(folder).release()
    except BadInput:
        return True
    except OSError:  # as in a folder that this user may only read
        return False
    return False


def lock_folder(folder: Path) -> Any:
    """Locks a folder for this process; the system unlocks it when the process dies.

    Args:
        folder: Folder to hold; a file `.lock` is made in it and stays.

    Returns:
        Lock to be given back by `release`, which may be called more than once. On a
        file system without locks it holds nothing.

    Raises:
        BadInput: If another process holds it.
    """
    import filelock

    lock = filelock.FileLock(
        folder / LOCK_NAME, timeout=0, thread_local=False, fallback_to_soft=False
    )
    try:
        lock.acquire()
    except filelock.Timeout:
        raise BadInput(
            f"--out: another process is writing {folder}. Wait for it or choose "
            "another --out."
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return lock
