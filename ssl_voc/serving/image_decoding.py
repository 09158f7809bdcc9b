"""Image decoding inside a TensorFlow graph: bytes to upright RGB pixels or error."""

import tensorflow as tf

from ssl_voc.serving import exif_orientation

FORMATS = ("JPEG", "PNG")

EMPTY = "empty: no bytes came"
UNKNOWN = f"not an image of a known format: expected {', '.join(FORMATS)}"
DAMAGED = "damaged or incomplete"
TOO_LARGE = "announces too many pixels"
XMP_ORIENTATION = "turned by XMP metadata alone: expected the orientation in EXIF"

_JPEG = tuple(b"\xff\xd8\xff")
_PNG = tuple(b"\x89PNG\r\n\x1a\n")
# XMP lies before the pixels, in a PNG also behind; `\C` is any byte, text or not.
_XMP_BYTES = 2**18
_XMP_TURNS = r'\C*tiff:Orientation(="|>)[2-8]\C*'
_HEADER_BYTES = 32
# Of PNG's colour types the one without colour, palette and transparency.
_PNG_GRAY = 0


def decode_upright(image_bytes, max_pixels):
    """Decodes one photo as a viewer shows it; never fails.

    The pixels are those of `pipelines.decode`: accurate inverse cosine transform, fancy
    upsampling of chroma, EXIF orientation applied, transparency laid on white, 16-bit
    samples scaled to 8 by the range in use. What differs: GIF, WebP, TIFF, BMP and PPM
    are refused, as are photos that XMP metadata alone turn; of a PNG, EXIF as text and
    compressed XMP are not read.

    Only stock operations are used. The decoder runs inside a `tf.data` pipeline of one
    element, whose `ignore_errors` keeps a damaged photo to itself.

    Args:
        image_bytes: Scalar string, the file.
        max_pixels: Photos that announce more pixels are refused before they are
            decoded.

    Returns:
        `(pixels, error)`: uint8 `(height, width, 3)`, and a scalar string, empty or the
        reason why the photo could not be read; the pixels are `(1, 1, 3)` zeros then.
    """
    failed = (tf.zeros((1, 1, 3), tf.uint8), tf.constant(DAMAGED))
    attempt = tf.data.Dataset.from_tensors(image_bytes)
    attempt = attempt.map(lambda data: _decode(data, max_pixels)).ignore_errors()
    last_resort = tf.data.Dataset.from_tensors(failed)
    pixels, error = attempt.concatenate(last_resort).take(1).get_single_element()
    return tf.ensure_shape(pixels, (None, None, 3)), tf.ensure_shape(error, ())


def _decode(image_bytes, max_pixels):
    """What `decode_upright` returns; damaged data raise."""
    data = tf.io.decode_raw(image_bytes, tf.uint8)
    header = tf.concat([data[:_HEADER_BYTES], tf.zeros(_HEADER_BYTES, tf.uint8)], 0)
    header = tf.cast(header, tf.int64)
    return tf.case(
        [
            (tf.size(data) == 0, lambda: _refused(EMPTY)),
            (
                _begins(header, _JPEG),
                lambda: _upright_jpeg(image_bytes, data, max_pixels),
            ),
            (
                _begins(header, _PNG),
                lambda: _upright_png(image_bytes, data, header, max_pixels),
            ),
        ],
        default=lambda: _refused(UNKNOWN),
    )


def _begins(header, prefix):
    return tf.reduce_all(header[: len(prefix)] == prefix)


def _refused(reason):
    return tf.zeros((1, 1, 3), tf.uint8), tf.constant(reason)


def _upright_jpeg(image_bytes, data, max_pixels):
    size = tf.io.extract_jpeg_shape(image_bytes)[:2]
    orientation = exif_orientation.jpeg_orientation(data)
    start = tf.strings.substr(image_bytes, 0, _XMP_BYTES)

    def decode():
        # By default the transform is the fast one: other pixels than Pillow's.
        pixels = tf.io.decode_jpeg(
            image_bytes, 3, fancy_upscaling=True, dct_method="INTEGER_ACCURATE"
        )
        return turn_upright(pixels, orientation), tf.constant("")

    return _unless_too_large(
        size,
        max_pixels,
        lambda: _unless_turned_by_xmp(decode, orientation, start),
    )


def _upright_png(image_bytes, data, header, max_pixels):
    width, height = (
        tf.reduce_sum(header[start : start + 4] * [256**3, 256**2, 256, 1])
        for start in (16, 20)
    )

    def read():
        orientation = exif_orientation.png_orientation(data)
        num_last = tf.minimum(tf.strings.length(image_bytes), _XMP_BYTES)
        start = tf.strings.substr(image_bytes, 0, _XMP_BYTES)
        end = tf.strings.substr(image_bytes, -num_last, num_last)

        def decode():
            pixels = _decode_png(image_bytes, header)
            return turn_upright(pixels, orientation), tf.constant("")

        return _unless_turned_by_xmp(decode, orientation, start + end)

    return _unless_too_large(tf.stack([height, width]), max_pixels, read)


def _unless_too_large(size, max_pixels, decode):
    """What `decode` gives, pixels and error, of an image of at most so many pixels."""
    pixels = tf.reduce_prod(tf.cast(size, tf.int64))
    return tf.cond(
        pixels <= max_pixels,
        decode,
        lambda: _refused(
            f"{TOO_LARGE}: more than {max_pixels / 1e6:g} megapixels (export "
            "with a larger --max-megapixels, or scale the photo down)"
        ),
    )


def _unless_turned_by_xmp(decode, orientation, text):
    """What `decode` gives, unless EXIF says nothing and XMP turns the image."""
    is_turned = tf.cond(
        orientation > 0,
        lambda: False,
        lambda: tf.strings.regex_full_match(text, _XMP_TURNS),
    )
    return tf.cond(is_turned, lambda: _refused(XMP_ORIENTATION), decode)


def _decode_png(image_bytes, header):
    depth, color_type = header[24], header[25]

    def gray_16():
        samples = tf.io.decode_png(image_bytes, channels=1, dtype=tf.uint16)
        # By the range in use, 12, 14 or 16 bits, as `pipelines.decode` does.
        samples = tf.cast(samples, tf.int32)
        largest = tf.reduce_max(samples)
        white = tf.where(
            largest < 2**12, 2**12, tf.where(largest < 2**14, 2**14, 2**16)
        )
        white -= 1
        scaled = (samples * 255 + white // 2) // white
        return tf.image.grayscale_to_rgb(tf.cast(scaled, tf.uint8))

    def others():
        pixels = tf.io.decode_png(image_bytes, channels=4)
        # To gray of 1, 2 and 4 bits the decoder adds an alpha of 1, 3 and 15.
        is_small = (depth < 8) & (color_type == _PNG_GRAY)
        opaque = tf.where(is_small, 2 ** tf.minimum(depth, 8) - 1, 255)
        opaque = tf.cast(opaque, tf.uint8)
        alpha = pixels[..., 3:]
        alpha = tf.where(alpha == opaque, tf.constant(255, tf.uint8), alpha)
        return lay_on_white(tf.concat([pixels[..., :3], alpha], axis=-1))

    is_gray_16 = (depth == 16) & (color_type == _PNG_GRAY)
    return tf.cond(is_gray_16, gray_16, others)


def lay_on_white(pixels):
    """Composes RGBA pixels with white, in Pillow's integers.

    Args:
        pixels: uint8 `(height, width, 4)`.

    Returns:
        uint8 `(height, width, 3)`.
    """
    colors, alpha = pixels[..., :3], pixels[..., 3:]

    def composed():
        share = tf.cast(alpha, tf.int32)
        sums = tf.cast(colors, tf.int32) * share + 255 * (255 - share)
        # Division by 255, rounded, with the six extra bits that Pillow carries.
        sums = 64 * sums + 128 * 64
        return tf.cast((sums // 256 + sums) // (256 * 64), tf.uint8)

    return tf.cond(tf.reduce_all(alpha == 255), lambda: colors, composed)


def turn_upright(pixels, orientation):
    """Turns and mirrors pixels as EXIF's orientation says.

    Args:
        pixels: `(height, width, 3)`, as stored.
        orientation: int32 scalar in `[0, 8]`; 0 and 1 are upright.

    Returns:
        `(height, width, 3)`, or `(width, height, 3)` for 5 to 8.
    """

    def is_among(*numbers):
        return tf.reduce_any(orientation == tf.constant(numbers))

    def apply_if(condition, move, pixels):
        return tf.cond(condition, lambda: move(pixels), lambda: pixels)

    pixels = apply_if(orientation >= 5, lambda p: tf.transpose(p, [1, 0, 2]), pixels)
    pixels = tf.ensure_shape(pixels, (None, None, 3))
    pixels = apply_if(is_among(2, 3, 6, 7), lambda p: tf.reverse(p, [1]), pixels)
    return apply_if(is_among(3, 4, 7, 8), lambda p: tf.reverse(p, [0]), pixels)
