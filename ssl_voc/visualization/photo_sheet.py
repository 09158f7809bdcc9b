"""A picture of many photos, each with outlined boxes and a caption."""

import dataclasses

import numpy as np

from pipelines import Photo
from ssl_voc.runs.atomic_files import replacing
from ssl_voc.visualization.thumbnails import fit_photo

_INK = "#333333"
_DPI = 100
# In pixels of the png.
_GAP = 14
_CAPTION = 36
_HEADER = 64
# Characters of a caption's line for each pixel: more would run into the next photo's.
_CHARACTERS_PER_PIXEL = 38 / 240
# Pixels of a character of the text at a box.
_TEXT_CHARACTER = 5.5
_DASHES = {"solid": "-", "dashed": (0, (4, 2)), "dotted": (0, (1, 1.5))}


@dataclasses.dataclass(frozen=True)
class Line:
    """How the boxes of one kind are drawn: told apart by color and by dashes.

    Attributes:
        label: Its words in the legend.
        color: Red, green and blue in `[0, 255]`.
        dashes: `"solid"`, `"dashed"` or `"dotted"`.
        text_side: Where its boxes have their text: `"top"` or `"bottom"`.
    """

    label: str
    color: tuple[int, int, int]
    dashes: str = "solid"
    text_side: str = "top"

    @property
    def style(self):
        """Arguments for matplotlib."""
        return {
            "color": tuple(value / 255 for value in self.color),
            "linestyle": _DASHES[self.dashes],
        }


@dataclasses.dataclass(frozen=True)
class Outline:
    """A box in a photo.

    Attributes:
        box: `(4,)`, xyxy in pixels of the photo; not drawn where a number is missing.
        line: `Line`.
        text: What is written at its corner, if anything.
    """

    box: np.ndarray
    line: Line
    text: str = ""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One photo of a sheet.

    Attributes:
        photo: `pipelines.Photo` of known size.
        outlines: Tuple of `Outline`, drawn in this order.
        caption: Up to two lines, as long as `Sheet.line_length`.
    """

    photo: Photo
    outlines: tuple[Outline, ...]
    caption: str


@dataclasses.dataclass(frozen=True)
class Sheet:
    """The form of a picture of photos.

    Attributes:
        legend: Tuple of `Line`, the kinds of boxes.
        num_columns: Photos beside each other.
        side: Of a cell in pixels: the longer side of each photo.
        line_width: Of boxes, in points.
    """

    legend: tuple[Line, ...]
    num_columns: int = 4
    side: int = 240
    line_width: float = 2.0

    @property
    def line_length(self):
        """Number of characters that a caption's line has room for."""
        return int(self.side * _CHARACTERS_PER_PIXEL)

    def draw(self, title, cells, path):
        """Draws photos row by row under a title and the legend.

        Args:
            title: One line.
            cells: List of `Cell`; without any, only title and legend are drawn.
            path: The png file, replaced at once.
        """
        from matplotlib.figure import Figure

        photos = [fit_photo(cell.photo, self.side) for cell in cells]
        tops, height = self._stack_rows([pixels.shape[0] for pixels, _ in photos])
        width = self.num_columns * (self.side + _GAP) + _GAP
        figure = Figure(figsize=(width / _DPI, height / _DPI))
        figure.text(
            _GAP / width, 1 - 14 / height, title, va="top", fontsize=12, color=_INK
        )
        self._add_legend(figure, width, height)
        for place, (cell, (pixels, scale)) in enumerate(
            zip(cells, photos, strict=True)
        ):
            row, column = divmod(place, self.num_columns)
            left, top = _GAP + column * (self.side + _GAP), tops[row] + _CAPTION
            sides = pixels.shape[1], pixels.shape[0]
            axes = figure.add_axes(
                (
                    left / width,
                    1 - (top + sides[1]) / height,
                    sides[0] / width,
                    sides[1] / height,
                )
            )
            axes.set_axis_off()
            axes.imshow(pixels, interpolation="nearest", aspect="auto")
            self._add_outlines(axes, cell.outlines, scale)
            _add_texts(axes, cell.outlines, scale, sides)
            # An outline at the border keeps its whole width.
            axes.set_xlim(-0.5, sides[0] - 0.5)
            axes.set_ylim(sides[1] - 0.5, -0.5)
            figure.text(
                left / width,
                1 - (top - 5) / height,
                cell.caption,
                va="bottom",
                fontsize=8,
                linespacing=1.3,
                color=_INK,
                parse_math=False,  # names may hold dollars
            )
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=_DPI, format="png")

    def _stack_rows(self, heights):
        """Where each row of photos begins, and the height of all, in pixels."""
        tops, top = [], _HEADER
        for start in range(0, len(heights), self.num_columns):
            tops.append(top)
            top += max(heights[start : start + self.num_columns]) + _CAPTION + _GAP
        return tops, top

    def _add_legend(self, figure, width, height):
        from matplotlib.lines import Line2D
        from matplotlib.patheffects import Normal, Stroke

        around = [Stroke(linewidth=self._width_below, foreground="black"), Normal()]
        style = {"linewidth": self.line_width, "path_effects": around}
        handles = [
            Line2D([], [], label=line.label, **line.style, **style)
            for line in self.legend
        ]
        figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=((_GAP - 3) / width, 1 - 32 / height),
            ncols=len(handles),
            frameon=False,
            fontsize=9,
            handlelength=3,
            borderaxespad=0,
        )

    def _add_outlines(self, axes, outlines, scale):
        from matplotlib.patches import Rectangle

        for item in outlines:
            if not np.isfinite(item.box).all():
                continue
            # The middle of a box's border is the border of its pixels.
            box = item.box * scale
            corner, sides = box[:2] - 0.5, box[2:] - box[:2]
            style = {**item.line.style, "linewidth": self.line_width}
            # Dark below light: visible on every photo.
            for line in ({"color": "black", "linewidth": self._width_below}, style):
                axes.add_patch(Rectangle(corner, *sides, fill=False, **line))

    @property
    def _width_below(self):
        return 1.8 * self.line_width


def _add_texts(axes, outlines, scale, sides):
    """Writes above all outlines, or crowded photos could not be read."""
    for item in outlines:
        if not item.text or not np.isfinite(item.box).all():
            continue
        left, top, right, bottom = item.box * scale
        at_top = item.line.text_side == "top"
        fits = left + _TEXT_CHARACTER * len(item.text) < sides[0]
        axes.text(
            max(left, 0) + 2 if fits else min(right, sides[0]) - 2,
            max(top, 0) + 2 if at_top else min(bottom, sides[1]) - 3,
            item.text,
            ha="left" if fits else "right",
            va=item.line.text_side,
            fontsize=7,
            color="black",
            parse_math=False,
            clip_on=True,
            bbox={
                "facecolor": item.line.style["color"],
                "edgecolor": "none",
                "pad": 0.8,
            },
        )
