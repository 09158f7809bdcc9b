"""Outlines of boxes, painted into images."""

import dataclasses

import numpy as np
from PIL import ImageDraw

from ssl_voc.visualization.box_labels import BoxLabels

# Lengths of a dash and of the gap behind it, in widths of the line.
_DASHES = {"solid": None, "dashed": (4, 2), "dotted": (1, 1.5)}
_LETTER_SIZE = 10
_MOST_LABELED = 1 / 3  # of an image, whose letters are large for its size
LINE_WIDTH = 2  # in pixels


@dataclasses.dataclass(frozen=True)
class BoxStyle:
    """How the boxes of one kind are drawn: told apart by color and by dashes.

    Attributes:
        label: Its words in a legend.
        color: Red, green and blue in `[0, 255]`.
        dashes: `"solid"`, `"dashed"` or `"dotted"`.
        labeled_below: Whether texts go to the lower border instead of the upper one.
    """

    label: str
    color: tuple[int, int, int]
    dashes: str = "solid"
    labeled_below: bool = False


@dataclasses.dataclass(frozen=True)
class BoxOutline:
    """A box to draw.

    Attributes:
        box: `(4,)`, xyxy in pixels; not drawn where a number is NaN or infinite.
        style: `BoxStyle`.
        text: Name that is written by it, if anything.
        ending: Written behind the name, such as a score.
    """

    box: np.ndarray
    style: BoxStyle
    text: str = ""
    ending: str = ""


def draw_boxes(
    image,
    outlines,
    width=LINE_WIDTH,
    letter_size=_LETTER_SIZE,
    most_area=_MOST_LABELED,
):
    """Draws boxes into an image, later ones above earlier ones, then their texts.

    Texts take their places from the last box to the first, beside each other. Where
    there is no room for all, each name of each style is written at least once.

    Args:
        image: `PIL.Image`, changed in place.
        outlines: `BoxOutline`s in pixels of `image`.
        width: Of the lines, in pixels.
        letter_size: Of the texts, in pixels.
        most_area: Share of the image that texts may take together, in `(0, 1]`.
    """
    canvas = ImageDraw.Draw(image)
    labels = BoxLabels(canvas, image.size, letter_size, most_area)
    drawn = [item for item in outlines if np.isfinite(item.box).all()]
    for item in drawn:
        box, style = fit_box(item.box, image.size), item.style
        outline_box(canvas, box, style.color, width, style.dashes)
    named = [item for item in reversed(drawn) if item.text or item.ending]
    names = [(item.style, item.text) for item in named]
    first = {names.index(name) for name in names}
    for index in sorted(range(len(named)), key=lambda index: index not in first):
        item = named[index]
        labels.write(
            fit_box(item.box, image.size),
            item.text,
            item.style.color,
            item.ending,
            below=item.style.labeled_below,
            needed=index in first,
        )


def fit_box(box, size):
    """Corners as whole pixels, inside the image and at least one pixel apart.

    Args:
        box: xyxy in pixels.
        size: Width and height of the image.
    """
    corners = np.round(np.asarray(box, "float64")).astype(int).reshape(2, 2)
    starts, ends = np.clip(corners, 0, size)
    starts = np.minimum(starts, np.array(size) - 1)
    return (*starts.tolist(), *np.maximum(ends, starts + 1).tolist())


def outline_box(canvas, box, color, width, dashes="solid"):
    """Draws the outline of a box, inside its border.

    A dark rim around it makes it visible on light ground, too.

    Args:
        canvas: `PIL.ImageDraw.Draw` of the image.
        box: xyxy in whole pixels.
        color: Red, green and blue in `[0, 255]`.
        width: Of the line, in pixels; less in a small box.
        dashes: Key of `_DASHES`.
    """
    left, top, right, bottom = box
    longest = max(right - left, bottom - top)
    width = min(width, max(1, min(right - left, bottom - top) // 4))
    dash, gap = (round(n * width) for n in _DASHES[dashes] or (longest, longest))
    # Pillow includes the last pixel.
    rim = (left - 1, top - 1, right, bottom)
    canvas.rectangle(rim, outline=(0, 0, 0), width=width + 2)
    for x in range(left, right, dash + gap):
        end = min(x + dash, right) - 1
        canvas.rectangle((x, top, end, top + width - 1), fill=color)
        canvas.rectangle((x, bottom - width, end, bottom - 1), fill=color)
    for y in range(top, bottom, dash + gap):
        end = min(y + dash, bottom) - 1
        canvas.rectangle((left, y, left + width - 1, end), fill=color)
        canvas.rectangle((right - width, y, right - 1, end), fill=color)
