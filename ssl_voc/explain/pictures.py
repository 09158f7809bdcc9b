"""Photos under their heat maps: tiles for the gallery and for the page."""

import dataclasses

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipelines import UnreadableImage, decode
from ssl_voc.runs.atomic_files import replacing

SIDE = 220
# Most that a map hides of its photo.
_OPACITY = 0.75
_GAP, _CAPTION, _HEADING, _MARGIN = 8, 32, 34, 16
_INK, _PAPER = (51, 51, 51), (255, 255, 255)


@dataclasses.dataclass(frozen=True)
class Row:
    """One photo of a gallery.

    Attributes:
        tiles: uint8 pictures of one size: the photo, then its map of each run.
        captions: Up to two lines about each tile.
    """

    tiles: tuple
    captions: tuple


def upright(photo, side=SIDE):
    """A photo that fits a square, uint8; gray where its file has gone since."""
    try:
        pixels = decode(photo.load())
    except (OSError, UnreadableImage):
        pixels = np.full((photo.height, photo.width, 3), 200, "uint8")
    factor = side / max(pixels.shape[:2])
    height, width = (max(1, round(n * factor)) for n in pixels.shape[:2])
    return np.asarray(
        Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
    )


def overlay(pixels, heat):
    """A photo tinted by its map: untouched where the map is low.

    Args:
        pixels: uint8 `(height, width, 3)`.
        heat: Float array of any size, not negative; scaled by its maximum.

    Returns:
        uint8 `(height, width, 3)`.
    """
    import matplotlib

    height, width = pixels.shape[:2]
    scaled = Image.fromarray(np.asarray(heat, "float32"))
    scaled = np.asarray(scaled.resize((width, height), Image.Resampling.BILINEAR))
    scaled = np.clip(scaled / max(float(np.max(heat)), 1e-12), 0.0, 1.0)
    # Its dark end would look like shadow: begin above it.
    colors = matplotlib.colormaps["inferno"](0.25 + 0.75 * scaled)[..., :3] * 255
    opacity = (_OPACITY * scaled)[..., None]
    return np.round(pixels * (1 - opacity) + colors * opacity).astype("uint8")


def outline(pixels, box_rel):
    """A picture with a box, white between black lines: seen on everything.

    Args:
        pixels: uint8 `(height, width, 3)`.
        box_rel: rel_xyxy, shares of the picture.
    """
    picture = Image.fromarray(pixels)
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = np.round(box_rel * np.array([width, height] * 2)).astype(int)
    draw = ImageDraw.Draw(picture)
    for inset, color in ((0, "black"), (1, "white"), (2, "white"), (3, "black")):
        corners = (x1 + inset, y1 + inset, x2 - 1 - inset, y2 - 1 - inset)
        if corners[0] <= corners[2] and corners[1] <= corners[3]:
            draw.rectangle(corners, outline=color)
    return np.asarray(picture)


def draw_sheet(title, groups, path, num_columns=2):
    """Writes rows of tiles as one png, group by group.

    Args:
        title: One line.
        groups: List of `(heading, rows)`, each a list of `Row` of equally many tiles.
        path: The png file, replaced at once.
        num_columns: Rows beside each other.
    """
    num_tiles = max(len(row.tiles) for _, rows in groups for row in rows)
    cell = num_tiles * (SIDE + _GAP) + _MARGIN
    lines = []  # a heading, or rows beside each other
    for heading, rows in groups:
        lines.append(heading)
        lines += [rows[i : i + num_columns] for i in range(0, len(rows), num_columns)]
    heights = [
        _HEADING
        if isinstance(line, str)
        else _CAPTION + max(row.tiles[0].shape[0] for row in line) + _MARGIN
        for line in lines
    ]
    size = num_columns * cell + _MARGIN, _HEADING + sum(heights) + _MARGIN
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    fonts = _font(11), _font(15)
    draw.text((_MARGIN, 8), title, fill=_INK, font=_font(13))
    top = _HEADING
    for line, height in zip(lines, heights, strict=True):
        if isinstance(line, str):
            draw.text((_MARGIN, top + 6), line, fill=_INK, font=fonts[1])
        else:
            for column, row in enumerate(line):
                _paste(sheet, draw, row, _MARGIN + column * cell, top, fonts[0])
        top += height
    with replacing(path) as temporary:
        sheet.save(temporary, format="png")


def _paste(sheet, draw, row, left, top, font):
    """One row's tiles beside each other, the caption of each above it."""
    for tile, caption in zip(row.tiles, row.captions, strict=True):
        sheet.paste(Image.fromarray(tile), (left, top + _CAPTION))
        for place, text in enumerate(caption.split("\n")):
            text = _fitting(text, font, SIDE)
            draw.text((left, top + 2 + 14 * place), text, fill=_INK, font=font)
        left += SIDE + _GAP


def _font(size):
    """The font that matplotlib brings along: it knows more letters than Pillow's."""
    import matplotlib

    path = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf"
    return ImageFont.truetype(path, size)


def _fitting(text, font, width):
    while text and font.getlength(text) > width:
        text = text[:-2].rstrip("…") + "…"
    return text
