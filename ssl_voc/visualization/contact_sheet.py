"""Contact sheets: captioned pictures in rows, with outlined boxes and a legend."""

import dataclasses

import numpy as np
from PIL import Image, ImageDraw

from pipelines import UnreadableImage, decode
from ssl_voc.runs.atomic_files import replacing
from ssl_voc.visualization.box_outlines import (
    LINE_WIDTH,
    BoxOutline,
    draw_boxes,
    outline_box,
)
from ssl_voc.visualization.fonts import load_font
from ssl_voc.visualization.style import INK, fit_text

# In pixels of the png.
_GAP, _MARGIN = 8, 12
_CAPTION_LETTERS, _CAPTION_LINE = 11, 14
_HEADING_LETTERS, _HEADING_LINE = 15, 30
_LEGEND_LETTERS, _LEGEND_LINE, _LEGEND_SAMPLE = 12, 24, 40
_EMPTY_SIDE = 240
# Smaller images are enlarged by whole factors.
_SMALLEST_SIDE = 128


@dataclasses.dataclass(frozen=True)
class Tile:
    """One picture of a contact sheet.

    Attributes:
        pixels: uint8 array `(height, width, 3)`.
        caption: Lines above it, each cut to its width.
        outlines: `BoxOutline`s in pixels of it, drawn in this order.
    """

    pixels: np.ndarray
    caption: str = ""
    outlines: tuple[BoxOutline, ...] = ()

    def draw(self):
        """The picture with its boxes as `PIL.Image`."""
        image = Image.fromarray(self.pixels)
        draw_boxes(image, self.outlines)
        return image


def photo_tile(photo, side, caption="", outlines=()):
    """A photo scaled to a tile.

    Args:
        photo: `pipelines.Photo` of known size.
        side: Of the longer side of the tile, in pixels.
        caption: Of the tile.
        outlines: `BoxOutline`s in pixels of the photo.

    Returns:
        A `Tile`, gray where the photo's file has gone.
    """
    try:
        pixels = decode(photo.load())
    except (OSError, UnreadableImage):
        # Read a while ago; a file that has gone since is no reason to lose a run.
        pixels = np.full((photo.height, photo.width, 3), 200, "uint8")
    return scaled_tile(pixels, side, caption, outlines)


def scaled_tile(pixels, side, caption="", outlines=()):
    """A uint8 picture scaled to a tile.

    Args:
        pixels: Array `(height, width, 3)`.
        side: Of the longer side of the tile, in pixels.
        caption: Of the tile.
        outlines: `BoxOutline`s in pixels of the picture.
    """
    resized = fit_pixels(pixels, side)
    scale = np.array(resized.shape[1::-1] * 2) / (pixels.shape[1::-1] * 2)
    return Tile(resized, caption, _scaled(outlines, scale))


def image_tile(image, caption="", outlines=()):
    """An image of a batch as a tile, its pixels enlarged to squares of whole pixels.

    Args:
        image: Array `(height, width, 3)` in `[0, 255]`, integer or float.
        caption: Of the tile.
        outlines: `BoxOutline`s in pixels of the image.
    """
    pixels = np.clip(np.round(image), 0, 255).astype("uint8")
    factor = max(1, _SMALLEST_SIDE // max(pixels.shape[:2]))
    enlarged = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    return Tile(enlarged, caption, _scaled(outlines, factor))


def fit_pixels(pixels, side):
    """A uint8 picture scaled so that its longer side has `side` pixels."""
    factor = side / max(pixels.shape[:2])
    size = [max(1, round(n * factor)) for n in pixels.shape[1::-1]]
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def _scaled(outlines, scale):
    return tuple(
        dataclasses.replace(item, box=np.asarray(item.box) * scale) for item in outlines
    )


def draw_contact_sheet(
    path, sections, num_columns, title="", legend=(), tiles_per_group=1
):
    """Draws tiles row by row, section by section, and writes a png.

    Args:
        path: The png file, replaced at once.
        sections: List of `(heading, tiles)`; a heading may be empty. Without any tile
            only title and legend are drawn.
        num_columns: Tiles beside each other.
        title: One line.
        legend: The `BoxStyle`s to explain.
        tiles_per_group: Neighbors that stand closer together than others.
    """
    tiles = [tile for _, part in sections for tile in part]
    sides = max((tile.pixels.shape[1] for tile in tiles), default=_EMPTY_SIDE)
    captions = [tile.caption.count("\n") + 1 for tile in tiles if tile.caption]
    caption_height = _CAPTION_LINE * max(captions, default=0)
    lefts = [
        _MARGIN + column * (sides + _GAP) + column // tiles_per_group * _GAP
        for column in range(num_columns)
    ]
    placed, top = [], _MARGIN + bool(title) * _HEADING_LINE
    top += bool(legend) * _LEGEND_LINE
    headings = [(_MARGIN, title)]
    for heading, part in sections:
        if heading:
            headings.append((top, heading))
            top += _HEADING_LINE
        for start in range(0, len(part), num_columns):
            row = part[start : start + num_columns]
            top += caption_height
            placed += [(*place, top) for place in zip(row, lefts, strict=False)]
            top += max(tile.pixels.shape[0] for tile in row) + _MARGIN
    texts = [
        load_font(_HEADING_LETTERS, text=text).getlength(text) for _, text in headings
    ]
    width = max(lefts[-1] + sides, _MARGIN + round(max(texts))) + _MARGIN
    sheet = Image.new("RGB", (width, top), "white")
    canvas = ImageDraw.Draw(sheet)
    for y, text in headings:
        font = load_font(_HEADING_LETTERS, text=text)
        canvas.text((_MARGIN, y), text, fill=INK, font=font)
    _draw_legend(canvas, legend, _MARGIN + _HEADING_LINE)
    for tile, left, top in placed:
        sheet.paste(tile.draw(), (left, top))
        for number, text in enumerate(tile.caption.split("\n")):
            corner = left, top - caption_height + number * _CAPTION_LINE - 1
            font = load_font(_CAPTION_LETTERS, text=text)
            canvas.text(corner, fit_text(text, font, sides), fill=INK, font=font)
    with replacing(path) as temporary:
        sheet.save(temporary, format="png")


def _draw_legend(canvas, legend, top):
    left, font = _MARGIN, load_font(_LEGEND_LETTERS)
    for style in legend:
        sample = (left, top, left + _LEGEND_SAMPLE, top + font.size)
        outline_box(canvas, sample, style.color, LINE_WIDTH, style.dashes)
        left += _LEGEND_SAMPLE + _GAP
        canvas.text((left, top - 1), style.label, fill=INK, font=font)
        left += round(font.getlength(style.label)) + 3 * _GAP
