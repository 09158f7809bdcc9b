"""Cache folder, and its entries, which appear complete or not at all."""

import contextlib
import errno
import os
import pathlib
import platform
import re
import secrets
import shutil
import time

# Of file systems without locks, such as NFS without its lock daemon.
_NO_LOCKS = {
    errno.ENOLCK,
    errno.EOPNOTSUPP,
    errno.ENOTSUP,
    errno.ENOSYS,
    errno.EINVAL,
}
# What renaming to a folder that holds something raises.
_NOT_EMPTY = {errno.ENOTEMPTY, errno.EEXIST}
# No preparation takes so long: a week.
_ABANDONED_SECONDS = 7 * 24 * 3600
# A shorter wait for another process is not told.
_SILENT_SECONDS = 2


def cache_folder() -> pathlib.Path:
    """Folder of files that the project can make again; it need not exist.

    `$SSL_VOC_CACHE`, else `ssl_voc` in `$XDG_CACHE_HOME`, else `~/.cache/ssl_voc`.

    Raises:
        OSError: when there is no such folder, as nobody knows the home folder.
    """
    chosen = os.environ.get("SSL_VOC_CACHE")
    if chosen:
        return pathlib.Path(os.path.expanduser(chosen))
    parent = os.environ.get("XDG_CACHE_HOME")
    try:
        parent = pathlib.Path(parent) if parent else pathlib.Path.home() / ".cache"
    except RuntimeError as error:  # nobody knows the home folder
        raise OSError(f"{error} Name a cache folder by SSL_VOC_CACHE.") from error
    return parent / "ssl_voc"


@contextlib.contextmanager
def new_folder(path):
    """Gives a temporary folder beside `path`, which takes its name on success.

    What another process has put there meanwhile, unseen as file systems have no locks
    or each machine its own, stays.

    Args:
        path: `Path` of the folder to make. It may exist if it is empty.

    Yields:
        `Path` to write to; it is deleted when the block raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    own = f"{_machine()}-{secrets.token_hex(4)}"
    part = path.with_name(f".{path.name}.{own}.part")
    part.mkdir()
    try:
        yield part
        _publish(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _publish(part, path):
    try:
        os.replace(part, path)
    except OSError as error:
        if error.errno not in _NOT_EMPTY:
            raise


@contextlib.contextmanager
def sole_writer(path):
    """Waits for other processes that make `path`, and deletes what killed ones left.

    The lock is a file beside `path`; the system releases that of a process that dies,
    which tells what was left, of `path` and of others beside it, from what is being
    written. As locks may be each machine's own, what others left is deleted when it
    is old. A wait of some seconds is told. On a file system without locks nothing is
    waited for, and nothing deleted.

    Raises:
        OSError: If the folder of `path` cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"cannot write the cache folder {path.parent}: {error}. Name another by "
            "SSL_VOC_CACHE."
        ) from error
    lock = _lock_of(path)
    try:
        _acquire(lock, path)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    try:
        if lock.is_locked:
            _delete_leftovers(path)
        yield
    finally:
        lock.release()


def _lock_of(path):
    import filelock

    return filelock.FileLock(path.with_suffix(".lock"), fallback_to_soft=False)


def _acquire(lock, path):
    import filelock

    try:
        lock.acquire(timeout=_SILENT_SECONDS)
    except filelock.Timeout:
        print(f"another process is writing {path}: waiting for it", flush=True)
        lock.acquire()


def _delete_leftovers(path):
    """Deletes what was left of `path`, whose lock is held, and of others beside it."""
    for part in path.parent.glob(".*.*.part"):
        if not _may_be_left(part):
            continue
        other = part.with_name(part.name[1:].rsplit(".", 2)[0])
        if other == path:
            shutil.rmtree(part, ignore_errors=True)
            continue
        # What is being written is locked.
        with contextlib.suppress(OSError), _lock_of(other).acquire(timeout=0):
            shutil.rmtree(part, ignore_errors=True)


def _may_be_left(part):
    """Whether it is of this machine, whose locks can be seen, or old."""
    writer = part.name.rsplit(".", 2)[1]
    if writer.rpartition("-")[0] == _machine():
        return True
    with contextlib.suppress(OSError):
        return time.time() - part.stat().st_mtime > _ABANDONED_SECONDS
    return False


def _machine():
    """The machine's name, in letters that part no file's name."""
    return re.sub(r"\W", "_", platform.node())
