"""The orientation that a photo's metadata states, read from its bytes in a graph.

Decoders of tensorflow ignore it, viewers and `pipelines.decode` obey it. The parsers
use integers and slices of a uint8 tensor only, so that they run inside a SavedModel.
Whatever is damaged counts as no statement: the pixels may be fine.
"""

import tensorflow as tf

# Segments or chunks looked at. Real files have dozens; a file made of millions of
# empty ones must not hold a server.
MOST_PARTS = 4096

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_APPLICATION_1 = 0xE1
_EXIF = tuple(b"Exif\0\0")
_XMP = tuple(b"http://ns.adobe.com/xap/1.0/\0")
_EXIF_CHUNK = tuple(b"eXIf")
_LAST_CHUNK = tuple(b"IEND")
_ORIENTATION_TAG = 0x0112
_SHORT, _LONG = 3, 4
_CHARACTERS = [bytes([value]) for value in range(256)]
_XMP_PATTERN = r'(?s).*?tiff:Orientation(?:="|>)([0-9]).*'


def jpeg_orientation(data):
    """Reads the orientation of a JPEG file from its EXIF, else from its XMP.

    Args:
        data: uint8 tensor `(num_bytes,)`, the file.

    Returns:
        int32 scalar in `[1, 8]`, EXIF's numbers; 1, upright, where none is stated.
    """
    # Of several EXIF segments the first counts, of several of XMP the last, as for
    # Pillow.
    _, exif, xmp = _walk(_jpeg_segment, data, 2, num_found=2)
    orientation = tiff_orientation(data[exif[0] : exif[1]])
    return tf.cond(
        (orientation == 0) & (xmp[1] > 0),
        lambda: _xmp_orientation(data[xmp[0] : xmp[1]]),
        lambda: tf.maximum(orientation, 1),
    )


def png_orientation(data):
    """Reads the orientation of a PNG file from its `eXIf` chunk.

    Args:
        data: uint8 tensor `(num_bytes,)`, the file.

    Returns:
        int32 scalar in `[1, 8]`; 1 where none is stated.
    """
    _, exif = _walk(_png_chunk, data, 8, num_found=1)
    return tf.maximum(tiff_orientation(data[exif[0] : exif[1]]), 1)


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
    # An unknown number, unlike no number, says that XMP need not be asked.
    values = tf.where((values < 1) | (values > 8), tf.ones_like(values), values)
    value = tf.concat([tf.zeros((1,), tf.int64), values], axis=0)[-1]
    return tf.cast(value, tf.int32)


def _walk(look, data, start, num_found):
    """Goes from part to part; returns the last place and what was found.

    Args:
        look: Function from `(data, place, *found)` to the same, `place` moved on; a
            negative place ends the walk.
        data: uint8 tensor `(num_bytes,)`.
        start: First place.
        num_found: Number of stretches `[from, to]` that `look` keeps.
    """
    size = tf.size(data, tf.int64)

    def goes_on(count, place, *found):
        return (count < MOST_PARTS) & (place >= 0) & (place + 4 <= size)

    def step(count, place, *found):
        return (count + 1, *look(data, place, *found))

    nothing = tf.zeros((2,), tf.int64)
    start = tf.constant(start, tf.int64)
    _, place, *found = tf.while_loop(
        goes_on, step, (tf.constant(0), start, *[nothing] * num_found)
    )
    return place, *found


def _jpeg_segment(data, place, exif, xmp):
    four = _read(data, place, 4)
    marker, length = four[1], four[2] * 256 + four[3]
    content, end = place + 4, place + 2 + length
    is_marker = (four[0] == 0xFF) & (marker != 0xFF) & (marker != 0)
    is_application = is_marker & (marker == _APPLICATION_1)
    is_exif = is_application & (exif[1] == 0) & _lies_at(data, content, _EXIF)
    is_xmp = is_application & _lies_at(data, content, _XMP)
    exif = tf.where(is_exif, tf.stack([content + len(_EXIF), end]), exif)
    xmp = tf.where(is_xmp, tf.stack([content + len(_XMP), end]), xmp)
    alone = (marker == 0x01) | ((marker >= 0xD0) & (marker <= 0xD8))
    moved = tf.where(is_marker, tf.where(alone, place + 2, end), place + 1)
    over = is_marker & ((marker == _START_OF_SCAN) | (marker == _END_OF_IMAGE))
    return tf.where(over, tf.constant(-1, tf.int64), moved), exif, xmp


def _png_chunk(data, place, exif):
    length = _number(_read(data, place, 4), little=False)
    content, end = place + 8, place + 8 + length
    is_exif = _lies_at(data, place + 4, _EXIF_CHUNK)
    exif = tf.where(is_exif, tf.stack([content, end]), exif)
    over = _lies_at(data, place + 4, _LAST_CHUNK)
    # Behind the content follows a checksum of four bytes.
    return tf.where(over, tf.constant(-1, tf.int64), end + 4), exif


def _xmp_orientation(data):
    text = tf.strings.reduce_join(tf.gather(_CHARACTERS, tf.cast(data, tf.int32)))
    is_stated = tf.strings.regex_full_match(text, _XMP_PATTERN)
    digit = tf.strings.regex_replace(text, _XMP_PATTERN, r"\1")
    digit = tf.where(is_stated, digit, "1")
    value = tf.strings.to_number(digit, tf.int32)
    return tf.where((value >= 1) & (value <= 8), value, 1)


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
