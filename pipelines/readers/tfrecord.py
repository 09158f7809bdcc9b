"""Photos inside TFRecord files, found once and read when they are needed."""

import dataclasses
import os
import pathlib
import struct

from pipelines.photos.content import UnreadableImage, file_fingerprint, refuse_oversized

# A record is its length (8 bytes), a checksum (4), the data and a checksum (4).
HEADER_BYTES = 12
CHECKSUM_BYTES = 4


@dataclasses.dataclass(frozen=True, slots=True)
class RecordImage:
    """A photo inside a record that is a `tf.train.Example`.

    Attributes:
        path: Path of the TFRecord file.
        number: Number of the record in the file, from 0.
        offset: Place of the record's data in the file, in bytes.
        num_bytes: Length of the record's data.
        feature: Name of the feature that holds the encoded image.
    """

    path: pathlib.Path
    number: int
    offset: int
    num_bytes: int
    feature: str

    @property
    def path_name(self) -> str:
        return f"{self.path}[{self.number}]"

    def load(self) -> bytes:
        values = self.read_features().get(self.feature)
        if not values:
            raise UnreadableImage(f"its record has no {self.feature!r}")
        return values[0]

    def fingerprint(self) -> str:
        return f"{file_fingerprint(self.path)} {self.offset}"

    def read_features(self) -> dict[str, list]:
        """Reads the record: feature names to lists of bytes, floats or integers.

        Raises:
            UnreadableImage: If the record is damaged.
        """
        import google.protobuf.message
        import tensorflow as tf

        refuse_oversized(self.num_bytes)
        with self.path.open("rb") as file:
            file.seek(self.offset)
            data = file.read(self.num_bytes)
        try:
            example = tf.train.Example.FromString(data)
        except google.protobuf.message.DecodeError as error:
            raise UnreadableImage(f"its record is damaged: {error}") from None
        return {
            name: list(getattr(value, value.WhichOneof("kind") or "int64_list").value)
            for name, value in example.features.feature.items()
        }


def list_records(path, feature, skip=0, take=None) -> list[RecordImage]:
    """Finds the records of a TFRecord file without reading their data.

    Args:
        path: Path of the file.
        feature: Name of the feature that holds the encoded image.
        skip: Number of records to leave out at the beginning.
        take: Number of records to return; all by default.

    Returns:
        List of `RecordImage`. A record whose length is damaged, so that it would reach
        beyond the file, is the last one: none can be found behind it.
    """
    path = pathlib.Path(path)
    records = []
    file_bytes = os.path.getsize(path)
    with path.open("rb") as file:
        number = 0
        while take is None or len(records) < take:
            header = file.read(HEADER_BYTES)
            if len(header) < HEADER_BYTES:
                break
            (num_bytes,) = struct.unpack("<Q", header[:8])
            is_last = num_bytes > file_bytes - file.tell()
            if is_last:
                num_bytes = file_bytes - file.tell()
            if number >= skip:
                records.append(
                    RecordImage(path, number, file.tell(), num_bytes, feature)
                )
            if is_last:
                break
            file.seek(num_bytes + CHECKSUM_BYTES, os.SEEK_CUR)
            number += 1
    return records
