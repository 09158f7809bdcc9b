"""Opening of image files by Pillow: which formats, how large, and what is missing."""

import contextlib
import functools
import importlib.util
import io
import logging
import threading

from pipelines.photos.content import UnreadableImage
from pipelines.photos.photo_kinds import HEAD_BYTES, VIDEO_ADVICE, photo_kind

# Formats are named so that a file cannot reach Pillow's rarer, less tested parsers.
FORMATS = (
    *("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM"),
    *("AVIF", "JPEG2000", "HEIF"),
)
# Phones take 200 megapixels; as RGB, so many take 750 MiB of memory.
MAX_PIXELS = 250_000_000
# Pillow warns of a little more.
WARNED_PIXELS = 89_000_000
# What to do about formats that not every installation reads.
_ADVICE = {
    "HEIC": "pip install pillow-heif to read it, or convert it to JPEG",
    "AVIF": "this Pillow reads none: install a newer one, or convert it to JPEG",
    "JPEG 2000": "this Pillow reads none: install a newer one, or convert it to JPEG",
    "JPEG XL": "it is not read: convert it to JPEG or PNG",
    "camera raw": "it is not read: export it as JPEG or PNG",
}
_FORMAT_OF_KIND = {"HEIC": "HEIF", "AVIF": "AVIF", "JPEG 2000": "JPEG2000"}
_limit_lock = threading.Lock()
# Of a damaged file Pillow also logs what it raises, on the screen without a handler.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def open_image(source):
    """Opens an image without decoding its pixels.

    The name of the file plays no role, only what is inside.

    Args:
        source: Bytes of the encoded file, or the file, opened for reading bytes.

    Returns:
        `PIL.Image.Image` of at most `MAX_PIXELS` pixels.

    Raises:
        UnreadableImage: If the bytes do not begin like an image of a known format,
            nothing that is installed reads it, or it announces too many pixels.
    """
    from PIL import Image

    file = io.BytesIO(source) if isinstance(source, bytes) else source
    head = file.read(HEAD_BYTES)
    if photo_kind(head) == "camera raw":
        raise _unidentified(head)  # Pillow would read the thumbnail
    file.seek(0)
    with pillow_limit_lifted():
        try:
            image = Image.open(file, formats=installed_formats())
        except Image.UnidentifiedImageError:
            raise _unidentified(head) from None
        except Exception as error:
            # Pillow's plugins raise whatever the damage leads to.
            reason = f"damaged: {error or type(error).__name__}"
            raise UnreadableImage(reason) from error
    width, height = image.size
    if width < 1 or height < 1:
        raise UnreadableImage(f"has no pixels: {width} x {height}")
    if width * height > MAX_PIXELS:
        raise UnreadableImage(
            f"announces {width} x {height} pixels, more than the "
            f"{MAX_PIXELS / 1e6:.0f} megapixels that are read: scale it down"
        )
    return image


@contextlib.contextmanager
def pillow_limit_lifted():
    """Lifts Pillow's own limit of pixels, in one thread at a time.

    Pillow warns on the screen from `WARNED_PIXELS` on, and refuses twice that: less
    than phones take. The check of `open_image` stands in for both.
    """
    from PIL import Image

    with _limit_lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


@functools.cache
def installed_formats():
    """Those of `FORMATS` that Pillow or an installed plugin reads."""
    from PIL import Image, features

    Image.init()
    if importlib.util.find_spec("pillow_heif"):
        import pillow_heif

        pillow_heif.register_heif_opener()
    # Without their libraries Pillow registers these two all the same.
    lacking = {
        name
        for name, feature in (("AVIF", "avif"), ("JPEG2000", "jpg_2000"))
        if not features.check(feature)
    }
    return [name for name in FORMATS if name in Image.OPEN and name not in lacking]


def _unidentified(head):
    """The error for what no installed decoder takes for its own."""
    kind = photo_kind(head)
    if not head:
        return UnreadableImage("the file is empty")
    if kind is None:
        return UnreadableImage("not an image of a known format")
    if kind == "video":
        return UnreadableImage(VIDEO_ADVICE)
    if kind not in _ADVICE or _FORMAT_OF_KIND.get(kind) in installed_formats():
        return UnreadableImage(f"damaged: it begins as {kind}, but holds no image")
    return UnreadableImage(f"a photo of the format {kind}: {_ADVICE[kind]}")
