"""EXIF orientation of JPEG and PNG files, parsed inside a TensorFlow graph.

TensorFlow's decoders ignore the orientation, viewers and `pipelines.decode` apply it.
The parsers use integers and slices of a uint8 tensor only, so that they run inside a
SavedModel. Damaged metadata count as absent: the pixels may be fine.
"""

import tensorflow as tf

# Segments or chunks looked at. Real files have dozens; a file made of millions of
# empty ones must not hold a server.
MOST_PARTS = 4096

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_APPLICATION_1 = 0xE1
_EXIF = tuple(b"Exif\0\0")
_EXIF_CHUNK = tuple(b"eXIf")
_LAST_CHUNK = tuple(b"IEND")
_ORIENTATION_TAG = 0x0112
_SHORT, _LONG = 3, 4


def jpeg_orientation(data):
    """Reads the orientation of a JPEG file from its first EXIF segment.

    Args:
        data: uint8 tensor `(num_bytes,)`, the file.

    Returns:
        int32 scalar in `[1, 8]`, EXIF's numbers, or 0 where none is stated.
    """
    exif = _find_exif(_jpeg_segment, data, 2)
    return tiff_orientation(data[exif[0] : exif[1]])


def png_orientation(data):
    """Reads the orientation of a PNG file from its `eXIf` chunk; see above."""
    exif = _find_exif(_png_chunk, data, 8)
    return tiff_orientation(data[exif[0] : exif[1]])


def tiff_orientation(data):
    """Reads the orientation in a TIFF header, which is what EXIF data are.

    Args:
        data: uint8 tensor `(num_bytes,)` that begins with the byte order.

    Returns:
        int32 scalar in `[1, 8]`, or 0 where none is stated or the data are damaged.

    Reference:
        - TIFF 6.0, section 2; Exif 2.3, 4.6.4
    """
    little = _lies_at(data, 0, b"II")
    magic = _number(_read(data, 2, 2), little)
    # Writers that took the wrong byte order for the 42 are forgiven.
    is_tiff = (magic == 42) | (magic == 42 << 8)
    is_tiff &= little | _lies_at(data, 0, b"MM")
    size = tf.size(data, tf.int64)
    start = tf.minimum(_number(_read(data, 4, 4), little), size)
    count = _number(_read(data, start, 2), little)
    start = tf.minimum(start + 2, size)
    count = tf.where(is_tiff, tf.minimum(count, (size - start) // 12), 0)
    entries = tf.cast(data[start : start + 12 * count], tf.int64)
    entries = tf.reshape(entries, (-1, 12))  # tag, type, count and value
    tags, kinds = _number(entries[:, 0:2], little), _number(entries[:, 2:4], little)
    values = tf.where(
        kinds == _SHORT,
        _number(entries[:, 8:10], little),
        tf.where(kinds == _LONG, _number(entries[:, 8:12], little), 0),
    )
    stated = (tags == _ORIENTATION_TAG) & (_number(entries[:, 4:8], little) == 1)
    values = tf.boolean_mask(values, stated)
    # An unknown number is a statement, too: upright.
    values = tf.where((values < 1) | (values > 8), tf.ones_like(values), values)
    value = tf.concat([tf.zeros((1,), tf.int64), values], axis=0)[-1]
    return tf.cast(value, tf.int32)


def _find_exif(look, data, start):
    """Goes from part to part; returns first and last place of the EXIF data, or zeros.

    `look` is a function from `(data, place, exif)` to the next place, negative at the
    end of the walk, and the EXIF data's places.
    """
    size = tf.size(data, tf.int64)
    _, _, exif = tf.while_loop(
        lambda count, place, exif: (
            (count < MOST_PARTS) & (place >= 0) & (place + 4 <= size)
        ),
        lambda count, place, exif: (count + 1, *look(data, place, exif)),
        (tf.constant(0), tf.constant(start, tf.int64), tf.zeros((2,), tf.int64)),
    )
    return exif


def _jpeg_segment(data, place, exif):
    four = _read(data, place, 4)
    marker, length = four[1], four[2] * 256 + four[3]
    content, end = place + 4, place + 2 + length
    is_marker = (four[0] == 0xFF) & (marker != 0xFF) & (marker != 0)
    # Of several EXIF segments the first counts, as for Pillow.
    is_exif = is_marker & (marker == _APPLICATION_1) & (exif[1] == 0)
    is_exif &= _lies_at(data, content, _EXIF)
    exif = tf.where(is_exif, tf.stack([content + len(_EXIF), end]), exif)
    alone = (marker == 0x01) | ((marker >= 0xD0) & (marker <= 0xD8))
    moved = tf.where(is_marker, tf.where(alone, place + 2, end), place + 1)
    over = is_marker & ((marker == _START_OF_SCAN) | (marker == _END_OF_IMAGE))
    return tf.where(over, tf.constant(-1, tf.int64), moved), exif


def _png_chunk(data, place, exif):
    length = _number(_read(data, place, 4), little=False)
    content, end = place + 8, place + 8 + length
    is_exif = _lies_at(data, place + 4, _EXIF_CHUNK)
    exif = tf.where(is_exif, tf.stack([content, end]), exif)
    over = _lies_at(data, place + 4, _LAST_CHUNK)
    # Behind the content follows a checksum of four bytes.
    return tf.where(over, tf.constant(-1, tf.int64), end + 4), exif


def _number(values, little):
    """Bytes `(..., n)` as one integer; `little` is the byte order."""
    count = values.shape[-1]
    weights = tf.constant([256**i for i in range(count)], tf.int64)
    weights = tf.where(little, weights, tf.reverse(weights, [0]))
    return tf.reduce_sum(values * weights, axis=-1)


def _read(data, place, count):
    """Bytes from a place on as int64 `(count,)`, zeros behind the end."""
    read = tf.cast(data[place : place + count], tf.int64)
    read = tf.concat([read, tf.zeros((count,), tf.int64)], axis=0)[:count]
    return tf.ensure_shape(read, (count,))


def _lies_at(data, place, content):
    """Whether the bytes from a place on are `content`."""
    read = _read(data, place, len(content))
    return tf.reduce_all(read == tf.constant([*content], tf.int64))
