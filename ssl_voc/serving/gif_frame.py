"""The first frame of a GIF, cut out of its bytes in a graph.

tensorflow's decoder reads all frames, whatever their number and size, before it gives
the first: a small file can fill the memory. The frame is therefore cut out by integers
and slices of the bytes, and its announced size is known before it is decoded.
"""

import tensorflow as tf

# Blocks looked at: each holds at most 255 bytes of a frame.
MOST_BLOCKS = 100_000

_HEADER_BYTES = 13
_DESCRIPTOR_BYTES = 10
_EXTENSION, _IMAGE = 0x21, 0x2C
# What the walk is in: between blocks, inside an extension or frame, behind the frame.
_BETWEEN, _IN_EXTENSION, _IN_FRAME, _BEHIND, _LOST = range(5)


def cut_first_frame(image_bytes, data):
    """Finds the first frame.

    Args:
        image_bytes: Scalar string, the file.
        data: uint8 tensor `(num_bytes,)`, the same.

    Returns:
        `(file, frame, canvas)`: a scalar string, a GIF of this frame alone at its upper
        left corner, empty where the file ends before the frame does; int64
        `(left, top, width, height)` of the frame, zeros where there is none; and int64
        `(width, height)` of the canvas that it lies on.
    """
    start = _HEADER_BYTES + _table_bytes(_byte(data, 10))
    state = tf.constant(0), start, tf.constant(_BETWEEN), tf.zeros((), tf.int64)
    _, end, mode, at = tf.while_loop(
        lambda count, place, mode, at: (mode < _BEHIND) & (count < MOST_BLOCKS),
        lambda count, place, mode, at: (count + 1, *_step(data, place, mode, at)),
        state,
    )
    frame = tf.stack([_two_bytes(data, at + offset) for offset in (1, 3, 5, 7)])
    frame = tf.where(at > 0, frame, tf.zeros_like(frame))
    canvas = tf.stack([_two_bytes(data, 6), _two_bytes(data, 8)])

    def cut():
        before = tf.strings.substr(image_bytes, tf.zeros_like(at), at + 1)
        after = tf.strings.substr(image_bytes, at + 5, end - at - 5)
        # Without its offset, which the decoder would take for a part of its size.
        return tf.strings.join([before, b"\0\0\0\0", after, b";"])

    file = tf.cond(mode == _BEHIND, cut, lambda: tf.constant(b""))
    return file, frame, canvas


def lay_on_canvas(pixels, frame, canvas):
    """Pads a frame with black to the size of its canvas.

    Args:
        pixels: uint8 `(height, width, 3)` of the frame.
        frame: int64 `(left, top, width, height)`.
        canvas: int64 `(width, height)`.
    """
    before = frame[:2]
    after = tf.maximum(canvas - before - frame[2:], 0)
    left, right = before[0], after[0]
    top, below = before[1], after[1]
    return tf.pad(pixels, [[top, below], [left, right], [0, 0]])


def _step(data, place, mode, at):
    """The next place, what it is in, and where the frame's descriptor lies."""
    value = _byte(data, place)
    is_between = mode == _BETWEEN
    is_image = is_between & (value == _IMAGE)
    is_extension = is_between & (value == _EXTENSION)
    # Behind the descriptor: its own palette, and one byte of the compression.
    table = _table_bytes(_byte(data, place + _DESCRIPTOR_BYTES - 1))
    moved = tf.where(is_extension, place + 2, place + 1 + value)
    moved = tf.where(is_image, place + _DESCRIPTOR_BYTES + table + 1, moved)
    ended = ~is_between & (value == 0)
    after = tf.where(mode == _IN_FRAME, _BEHIND, _BETWEEN)
    new_mode = tf.where(ended, after, mode)
    new_mode = tf.where(is_extension, _IN_EXTENSION, new_mode)
    new_mode = tf.where(is_image, _IN_FRAME, new_mode)
    lost = (is_between & ~is_image & ~is_extension) | (place >= tf.size(data, tf.int64))
    return moved, tf.where(lost, _LOST, new_mode), tf.where(is_image, place, at)


def _table_bytes(flags):
    """Size of a palette, as the flags that announce it say."""
    size = 3 * tf.bitwise.left_shift(tf.constant(2, tf.int64), flags % 8)
    return tf.where(flags >= 128, size, tf.zeros_like(size))


def _byte(data, place):
    """The byte at a place as int64, 0 behind the end."""
    return tf.reduce_sum(tf.cast(data[place : place + 1], tf.int64))


def _two_bytes(data, place):
    return _byte(data, place) + 256 * _byte(data, place + 1)
