"""A GIF's first frame is cut out of its bytes before anything is decoded."""

import numpy as np
import pytest
import tensorflow as tf

from ssl_voc.serving.gif_frame import cut_first_frame
from ssl_voc.serving.image_decoding import decode_upright
from tests.serving.encoded import encode, picture


@pytest.fixture(scope="module")
def cut():
    graph = tf.function(
        lambda data: cut_first_frame(data, tf.io.decode_raw(data, tf.uint8)),
        autograph=False,
        input_signature=[tf.TensorSpec((), tf.string)],
    )

    def call(data):
        file, frame, canvas = graph(tf.constant(data))
        return file.numpy(), frame.numpy().tolist(), canvas.numpy().tolist()

    return call


@pytest.fixture(scope="module")
def decode():
    graph = tf.function(
        lambda data: decode_upright(data, 100_000),
        autograph=False,
        input_signature=[tf.TensorSpec((), tf.string)],
    )
    return lambda data: [part.numpy() for part in graph(tf.constant(data))]


def animation(num_frames, **options):
    frames = [picture(seed=seed).convert("P") for seed in range(num_frames)]
    options = {"save_all": True, "append_images": frames[1:], "loop": 0, **options}
    return encode(frames[0], "GIF", **options)


def descriptor_of(data):
    """Place of the first frame's descriptor: 90 x 60 pixels at the corner."""
    return data.index(b"\x2c\0\0\0\0\x5a\0\x3c\0")


def test_one_frame_is_left_of_many(cut):
    alone, many = animation(1), animation(5, comment=b"x" * 700)
    file, frame, canvas = cut(many)
    assert frame == [0, 0, 90, 60] and canvas == [90, 60]
    assert len(file) < len(many) / 3
    pixels = tf.io.decode_gif(file).numpy()
    assert len(pixels) == 1
    np.testing.assert_array_equal(pixels, tf.io.decode_gif(alone).numpy())


def test_a_frame_lies_on_its_canvas_at_its_offset(cut, decode):
    data = bytearray(animation(2))
    whole, _ = decode(bytes(data))
    data[6:10] = (100).to_bytes(2, "little") + (80).to_bytes(2, "little")
    place = descriptor_of(data)
    data[place + 1 : place + 5] = b"\7\0\3\0"
    assert cut(bytes(data))[1:] == ([7, 3, 90, 60], [100, 80])
    pixels, error = decode(bytes(data))
    assert error == b"" and pixels.shape == (80, 100, 3)
    np.testing.assert_array_equal(pixels[3:63, 7:97], whole)
    assert pixels.sum() == whole.sum()


def test_a_frame_larger_than_its_canvas_is_refused_before_it_is_decoded(decode):
    data = bytearray(animation(1))
    place = descriptor_of(data)
    data[place + 5 : place + 9] = b"\xff\xff\xff\xff"
    pixels, error = decode(bytes(data))
    assert b"too many pixels" in error and pixels.shape == (1, 1, 3)


def test_a_file_that_ends_before_its_frame_has_none(cut, decode):
    data = animation(1)
    for end in range(6, len(data) - 2, 97):
        assert cut(data[:end])[0] == b""
        assert decode(data[:end])[1] == b"damaged or incomplete"
    # The trailer alone may be missing.
    assert cut(data[:-1])[0] == cut(data)[0] != b""
