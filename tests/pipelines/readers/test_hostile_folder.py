"""A folder as it comes from the web: every photo is either right or left out."""

import numpy as np
import pytest
from PIL import Image

from pipelines.pools.preparation import prepare

GREEN = (20, 160, 60)


@pytest.fixture
def folder(tmp_path, draw, encode):
    folder = tmp_path / "hostile"
    folder.mkdir()
    green = Image.new("RGB", (40, 30), GREEN)
    exif = Image.Exif()
    exif[0x0112] = 6
    clear = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    photo = encode(draw(width=300, height=200), "JPEG")
    files = {
        "bomb.png": encode(Image.new("1", (20_000, 20_000)), "PNG"),
        "empty.jpg": b"",
        "text.jpg": b"<html>404 Not Found</html>",
        "truncated.jpg": photo[: len(photo) // 3],
        "truncated.png": encode(draw())[:200],
        "animated.gif": encode(
            green, "GIF", save_all=True, append_images=[Image.new("RGB", (40, 30))]
        ),
        "bitmap.bmp": encode(green, "BMP"),
        "cmyk.jpg": encode(green.convert("CMYK"), "JPEG", quality=95),
        "gray.jpg": encode(Image.new("L", (40, 30), 100), "JPEG"),
        "huge.png": encode(Image.new("RGB", (20_000, 20), GREEN)),
        "palette.png": encode(clear.convert("P"), "PNG", transparency=0),
        "png_named.jpg": encode(green),
        "rotated.jpg": encode(green, "JPEG", exif=exif, quality=95),
        "samples16.png": encode(np.full((30, 40), 100 * 257, "uint16")),
        "single.png": encode(Image.new("RGB", (1, 1), GREEN)),
        "transparent.png": encode(clear),
        "web.webp": encode(green, "WEBP", lossless=True),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


# "none" decodes again in `gather`.
@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_every_photo_is_right_or_left_out(cache, folder):
    pool = prepare(folder, 24, cache=cache)
    skipped = {skipped.name.rpartition("/")[2] for skipped in pool.skipped}
    assert skipped == {
        "bomb.png",
        "empty.jpg",
        "text.jpg",
        "truncated.jpg",
        "truncated.png",
    }
    special = {
        "gray": (100, 100, 100),
        "samples16": (100, 100, 100),
        "palette": (255, 255, 255),
        "transparent": (255, 255, 255),
    }
    assert len(pool) == 12
    images = pool.gather(range(len(pool)))
    assert images.shape == (12, 24, 24, 3) and images.dtype == np.uint8
    for photo, image in zip(pool.photos, images, strict=True):
        colour = special.get(photo.image_id, GREEN)
        assert np.abs(image.astype(int) - colour).max() <= 6, photo.image_id
