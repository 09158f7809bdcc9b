"""Numbered version folders: complete or absent, and never written over."""

import contextlib
import dataclasses
import os
import shutil
import tempfile
from pathlib import Path

from ssl_voc.runs.atomic_files import TEMPORARY_PREFIX, current_umask, sync_to_disk
from ssl_voc.runs.folder_lock import LOCK_NAME, lock_folder

# What a version says of itself.
FACTS = "ssl_voc.json"


@contextlib.contextmanager
def new_version(folder):
    """Gives a temporary folder, which becomes the next version on success.

    Versions are folders named by numbers, as TF Serving reads them; it ignores all
    others. The temporary folder lies beside them and is renamed when the block ends, so
    that a server never sees half a version. When the block raises, nothing is left;
    what a killed process left is removed at the next start.

    Args:
        folder: Folder of all versions of one model. Made with its parents.

    Yields:
        `Version`, whose `staging` is the path to write to; `path` is set when the block
        has ended.

    Raises:
        BadInput: when another process is exporting into the folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = lock_folder(folder)
    try:
        for leftover in folder.glob(TEMPORARY_PREFIX + "*"):
            shutil.rmtree(leftover, ignore_errors=True)
        staging = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=folder))
        version = Version(staging)
        try:
            yield version
            # mkdtemp makes the folder private; a server runs as another user.
            staging.chmod(0o777 & ~current_umask())
            for path in [*staging.rglob("*"), staging]:
                sync_to_disk(path)
            version.path = _take_next_number(staging, folder)
            sync_to_disk(folder)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    finally:
        if {path.name for path in folder.iterdir()} == {LOCK_NAME}:
            shutil.rmtree(folder, ignore_errors=True)
        lock.release()


@dataclasses.dataclass
class Version:
    """A version being written.

    Attributes:
        staging: Temporary folder to write to.
        path: The version's folder, None until it is complete.
    """

    staging: Path
    path: Path | None = None


def versions_of(folder):
    """Paths of the versions in a folder, ascending; empty without a folder."""
    folder = Path(folder)
    if not folder.is_dir():
        return []
    versions = filter(is_named_as_version, folder.iterdir())
    return sorted(versions, key=lambda path: int(path.name))


def is_named_as_version(path):
    """Whether TF Serving takes a folder of that name for a version: ASCII digits."""
    return path.name.isascii() and path.name.isdigit()


def _take_next_number(staging, folder):
    versions = versions_of(folder)
    number = int(versions[-1].name) + 1 if versions else 1
    while True:
        path = folder / str(number)
        try:
            # A folder that is not empty is never replaced.
            os.rename(staging, path)
            return path
        except OSError:
            if not path.exists():
                raise
            number += 1
