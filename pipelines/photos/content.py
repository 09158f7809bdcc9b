"""Contents of photos: files, members of zip files and arrays; their fingerprints."""

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import stat
import threading
import typing
import zipfile
import zlib

import numpy as np

# A photo of more bytes is no photo; reading it would only fill the memory.
MAX_FILE_BYTES = 256 * 1024**2
# What reading a member of a zip file raises. RuntimeErrors are zipfile's word for an
# encrypted member and, as NotImplementedError, for a compression that Python lacks.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


class UnreadableImage(ValueError):
    """The data cannot become pixels; the message is the reason, in a few words."""


class Content(typing.Protocol):
    """What `Photo.content` has to offer."""

    @property
    def path_name(self) -> str:
        """The place in words, for messages."""

    def load(self) -> bytes | np.ndarray:
        """Returns the encoded bytes, or pixels `(height, width, 3)`."""

    def fingerprint(self) -> str:
        """Returns a text that changes when the content does."""


@dataclasses.dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo in a file of its own."""

    path: pathlib.Path

    @property
    def path_name(self) -> str:
        return str(self.path)

    def load(self) -> bytes:
        with self.open() as file:
            return file.read()

    def open(self) -> typing.BinaryIO:
        """Opens the file, of which `load` gives the whole."""
        status = self.path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableImage("is not a regular file")  # a pipe would block
        _refuse_oversized(status.st_size)
        return open(self.path, "rb")

    def fingerprint(self) -> str:
        return file_fingerprint(self.path)


@contextlib.contextmanager
def opened(content):
    """What a content holds: a file is opened, and need not be read as a whole.

    Args:
        content: The `Content` of a photo.

    Yields:
        A binary file, or what `load` gives.

    Raises:
        OSError, UnreadableImage: See `Photo.load`.
    """
    if isinstance(content, PhotoFile):
        with content.open() as file:
            yield file
    else:
        yield content.load()


class ZipArchive:
    """A zip file whose members may be read from several threads at once.

    `zipfile` promises nothing about threads, so reads take turns. A turn is short:
    photos are hardly compressible, and decoding happens outside it.

    Args:
        path: Path of the zip file.

    Raises:
        ValueError: If the file is not a zip file.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self._lock = threading.Lock()
        try:
            self._zip_file = zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise ValueError(
                f"{self.path} is not a readable zip file ({error}). Download or pack "
                "it again."
            ) from error
        self.fingerprint = file_fingerprint(self.path)

    def names(self) -> list[str]:
        """Names of the files inside, folders left out."""
        return [
            info.filename for info in self._zip_file.infolist() if not info.is_dir()
        ]

    def read(self, name: str) -> bytes:
        """Reads one member.

        Raises:
            UnreadableImage: If the member is damaged, encrypted or too large.
        """
        try:
            with self._lock:
                _refuse_oversized(self._zip_file.getinfo(name).file_size)
                return self._zip_file.read(name)
        except ZIP_ERRORS as error:
            raise UnreadableImage(f"damaged or encrypted in the zip: {error}") from None


@dataclasses.dataclass(frozen=True, slots=True)
class ZipMember:
    """A photo inside a zip file."""

    archive: ZipArchive
    name: str

    @property
    def path_name(self) -> str:
        return f"{self.archive.path}/{self.name}"

    def load(self) -> bytes:
        return self.archive.read(self.name)

    def fingerprint(self) -> str:
        return f"{self.archive.fingerprint} {self.name}"


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ArrayItem:
    """A photo that is already pixels: `images[index]`."""

    images: np.ndarray
    index: int
    array_name: str

    @property
    def path_name(self) -> str:
        return f"{self.array_name}[{self.index}]"

    def load(self) -> np.ndarray:
        return self.images[self.index]

    def fingerprint(self) -> str:
        pixels = np.ascontiguousarray(self.images[self.index])
        return hashlib.blake2b(pixels, digest_size=16).hexdigest()


def file_fingerprint(path) -> str:
    """A text that changes when a file is replaced, edited or made readable."""
    place = os.path.abspath(path)
    try:
        status = os.stat(path)
    except OSError:
        return f"{place} missing"
    # The time of the last change of status tells of permissions, too.
    return f"{place} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _refuse_oversized(num_bytes):
    """Raises `UnreadableImage` for a file that would only fill the memory."""
    if num_bytes > MAX_FILE_BYTES:
        raise UnreadableImage(
            f"has {num_bytes / 1024**2:.0f} MiB; a photo may have at most "
            f"{MAX_FILE_BYTES // 1024**2}"
        )
