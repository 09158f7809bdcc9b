"""EXIF orientation parsers, against Pillow and against damage."""

import struct

import numpy as np
import pytest
import tensorflow as tf

from ssl_voc.serving.exif_orientation import jpeg_orientation, tiff_orientation
from tests.serving.encoded import encode, exif, picture


def graph_of(function):
    spec = tf.TensorSpec((None,), tf.uint8)
    graph = tf.function(function, autograph=False, input_signature=[spec])
    return lambda data: int(graph(np.frombuffer(data, "uint8")))


of_jpeg, of_tiff = graph_of(jpeg_orientation), graph_of(tiff_orientation)


def tiff(order, entries, start=8):
    """A TIFF header with one directory of (tag, kind, count, value)."""
    mark = "<" if order == b"II" else ">"
    data = order + struct.pack(mark + "HI", 42, start) + b"\0" * (start - 8)
    data += struct.pack(mark + "H", len(entries))
    for tag, kind, count, value in entries:
        packed = struct.pack(mark + ("H2x" if kind == 3 else "I"), value)
        data += struct.pack(mark + "HHI", tag, kind, count) + packed
    return data + bytes(4)


@pytest.mark.parametrize("order", [b"II", b"MM"])
def test_both_byte_orders_are_read_and_what_is_no_orientation_is_upright(order):
    maker = (0x010F, 2, 4, 0)
    assert of_tiff(tiff(order, [maker, (0x0112, 3, 1, 6)])) == 6
    assert of_tiff(tiff(order, [maker, (0x0112, 4, 1, 8)], start=20)) == 8
    assert of_tiff(tiff(order, [maker])) == 0
    assert of_tiff(tiff(order, [])) == 0
    for value in (0, 9, 65535):
        assert of_tiff(tiff(order, [(0x0112, 3, 1, value)])) == 1
    assert of_tiff(tiff(order, [(0x0112, 2, 1, 6)])) == 1  # a text


def test_damaged_metadata_state_nothing_wherever_a_file_is_cut():
    whole = tiff(b"MM", [(0x010F, 2, 4, 0), (0x0112, 3, 1, 6)])
    for end in range(len(whole) - 8):
        assert of_tiff(whole[:end]) in (0, 6)
    assert of_tiff(b"") == 0
    assert of_tiff(b"XX" + whole[2:]) == 0
    far = whole[:4] + b"\xff\xff\xff\xff" + whole[8:]
    assert of_tiff(far) == 0
    many = whole[:8] + b"\xff\xff" + whole[10:]
    assert of_tiff(many) == 6
    random = np.random.default_rng(0)
    data = encode(picture(), exif=exif(6))
    for _ in range(200):
        broken = bytearray(data)
        for place in random.integers(2, 120, 4):
            broken[place] = random.integers(256)
        assert 0 <= of_jpeg(bytes(broken)) <= 8
    data = encode(picture(16, 16), exif=exif(3))
    found = [of_jpeg(data[:end]) for end in range(2, len(data))]
    assert set(found) == {0, 3} and found[-1] == 3


def test_segments_without_end_do_not_hold_the_parser():
    # Two million empty segments before the orientation: given up after a few thousand.
    data = encode(picture(), exif=exif(6))
    assert of_jpeg(data[:2] + b"\xff\xe2\0\2" * 2_000_000 + data[2:]) == 0
    assert of_jpeg(data[:2] + b"\xff\xe2\0\2" * 100 + data[2:]) == 6
    assert of_jpeg(data[:2] + b"\xff\xff\xff" + data[2:]) == 6  # padding
