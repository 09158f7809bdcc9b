"""Atomic writes: a file is the old one or the new one, never half written."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ssl_voc.runs.folder_lock import LOCK_NAME

# Left behind by a killed process; `remove_leftovers` deletes what carries it.
TEMPORARY_PREFIX = ".unfinished-"
# Bytes. A longer one is part of a name that holds a dot, and might not fit behind the
# prefix in the 255 bytes of a file name.
_LONGEST_SUFFIX = 32
# Of file systems that sync no folders, such as shares of VirtualBox and some of CIFS.
_NO_SYNC = {errno.EINVAL, errno.EBADF, errno.ENOTSUP}


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`, which replaces it on success.

    The temporary file keeps the suffix, if it is short: savers choose their format by
    it. Its bytes are on the disk before it takes the name. When the block raises,
    `path` stays as it was.

    Args:
        path: File to write. Its folder must exist.

    Yields:
        Path to write to.
    """
    path = Path(path)
    suffix = path.suffix if len(os.fsencode(path.suffix)) <= _LONGEST_SUFFIX else ""
    descriptor, name = tempfile.mkstemp(
        prefix=TEMPORARY_PREFIX, suffix=suffix, dir=path.parent
    )
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes the file private; a run folder is read by others.
        temporary.chmod(0o666 & ~current_umask())
        sync_to_disk(temporary)
        os.replace(temporary, path)
        sync_to_disk(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    r"""Writes `text` as UTF-8, replacing `path` at once.

    Bytes of file names that are no UTF-8 are spelled out, such as `\udce9`.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def append_line(path: Path, line: str) -> None:
    """Appends one line, as `write_text` would, in one write, and waits for the disk."""
    data = (line + "\n").encode("utf-8", "backslashreplace")
    with open(path, "ab", buffering=0) as file:
        if file.write(data) < len(data):  # all that a full disk had room for
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(file)


def remove_leftovers(folder: Path, subfolders: bool = False) -> None:
    """Deletes the temporary files that killed processes left in a folder.

    Args:
        folder: Path of the folder.
        subfolders: Whether also in its subfolders, but for those with a lock of their
            own, which another process may be writing.
    """
    for parent, folders, names in os.walk(folder):
        for name in names:
            if name.startswith(TEMPORARY_PREFIX):
                Path(parent, name).unlink(missing_ok=True)
        folders[:] = [
            name
            for name in folders
            if subfolders and not Path(parent, name, LOCK_NAME).exists()
        ]


def sync_to_disk(path: Path) -> None:
    """Waits until a file, or the entries of a folder, are on the disk.

    Of a folder on a file system that cannot do that, it does nothing.
    """
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":
        return  # Windows cannot open a folder.
    # Windows syncs what may be written to alone.
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not is_folder or error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def current_umask() -> int:
    """Permission bits that the process takes from new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
