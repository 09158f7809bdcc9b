"""Decoding of image files to upright RGB pixels."""

from contextlib import nullcontext

import numpy as np

from pipelines.images.opening import WARNED_PIXELS, open_image, pillow_limit_lifted
from pipelines.images.orientation import orientation_of
from pipelines.photos.content import UnreadableImage

# Numbers of bits that gray samples in 16 bits may use.
SAMPLE_BITS = (12, 14, 16)
# A tag of TIFF, and its value where 0 is white, as X-rays are stored.
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0


def decode(data, min_size: int | None = None, tell=None) -> np.ndarray:
    """Decodes a photo as a viewer would show it.

    EXIF orientation is applied, transparency is laid on white, of an animation the
    first frame is taken. The name of the file plays no role, only what is inside.

    Gray 16-bit samples are scaled to 8 bits by the range in use: 12, 14 or 16 bits,
    the least that holds the largest sample of the photo. Detectors and thermal cameras
    write 12 bits, which would else be black. The range is that of the photo alone, so
    that training, prediction and a served model, which sees no other photo, agree.

    Args:
        data: Encoded bytes of one of the `FORMATS` of `opening`, or pixels
            `(height, width, 3)` uint8, which are returned as they are.
        min_size: If given, a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size as
            long as both sides keep at least so many pixels, which is much faster.
        tell: Optional callable. Called with a text where fewer than 16 bits are in use.

    Returns:
        uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Raises:
        UnreadableImage: If the bytes are not a complete image of a known format, or
            announce more than `MAX_PIXELS` of `opening`.
    """
    if isinstance(data, np.ndarray):
        if data.ndim != 3 or data.shape[-1] != 3 or data.dtype != np.uint8:
            raise UnreadableImage(
                "pixels must be uint8 of shape (height, width, 3), not "
                f"{data.dtype} of {data.shape}"
            )
        if not data.size:
            raise UnreadableImage(f"has no pixels: its shape is {data.shape}")
        return data
    image = open_image(data)
    try:
        if min_size is not None:
            image.draft(None, (min_size, min_size))
        _load(image)
        pixels = np.asarray(_to_rgb(_upright(image), tell))
        return 255 - pixels if _is_negative(image) else pixels
    except (UnreadableImage, MemoryError):
        raise
    except Exception as error:
        # Pillow's plugins raise whatever the damage leads to: OSError, SyntaxError,
        # struct.error, IndexError, ... One file must not end the run.
        raise UnreadableImage(f"damaged: {error or type(error).__name__}") from error


def encoded_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels as the header states them, orientation not applied.

    Raises:
        UnreadableImage: If the bytes do not begin like an image of a known format.
    """
    return open_image(data).size


def _load(image):
    """Decodes the pixels; of a TIFF, Pillow checks its limit once more."""
    width, height = image.size
    checked = image.format == "TIFF" and width * height > WARNED_PIXELS
    with pillow_limit_lifted() if checked else nullcontext():
        image.load()


def _upright(image):
    """Applies the EXIF orientation; unreadable EXIF counts as none."""
    from PIL import Image

    orientation = orientation_of(image)
    transpose = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(orientation)
    return image if transpose is None else image.transpose(transpose)


def _is_negative(image):
    """Whether Pillow gives the negative: of more than 8 bits a TIFF, 0 being white."""
    tags = getattr(image, "tag_v2", {})
    return image.mode.startswith("I") and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


def _to_rgb(image, tell):
    from PIL import Image

    if image.mode == "F":
        raise UnreadableImage("floating-point pixels have no agreed range")
    if image.mode.startswith("I"):
        # Pillow's own conversion clips at 255.
        samples = np.asarray(image).astype(np.int64)
        if samples.min() < 0 or samples.max() > 65535:
            raise UnreadableImage(
                f"gray samples from {samples.min()} to {samples.max()} have no agreed "
                "range: write them as 8 or 16 bits, from 0 on"
            )
        bits = next(n for n in SAMPLE_BITS if samples.max() < 2**n)
        if bits < 16 and tell is not None:
            tell(f"{bits}-bit samples in 16 bits: {2**bits - 1} is white")
        white = 2**bits - 1
        image = Image.fromarray(((samples * 255 + white // 2) // white).astype("uint8"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image if image.mode == "RGB" else image.convert("RGB")
