"""A lock that keeps two processes out of one folder."""

import os
from pathlib import Path

from ssl_voc.cli.errors import BadInput

try:
    import fcntl
except ImportError:  # Windows: runs are not guarded there.
    fcntl = None

LOCK_NAME = ".lock"


class FolderLock:
    """Holds a folder for this process. The system releases it when the process dies.

    Args:
        folder: Folder to hold; a file `.lock` is made in it and stays.

    Raises:
        BadInput: If another process holds it.
    """

    def __init__(self, folder: Path):
        self._descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o666)
        if fcntl is None:
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise BadInput(
                f"--out: another process is writing {folder}. Wait for it or choose "
                "another --out."
            ) from None
        except OSError:
            # Some network file systems have no locks: go on without.
            return

    def release(self) -> None:
        """Lets go. May be called more than once."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
