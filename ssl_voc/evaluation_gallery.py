"""Photos with the box that is true and the box that was predicted."""

import dataclasses
from collections.abc import Callable

import numpy as np
from PIL import Image

from pipelines import UnreadableImage, decode
from ssl_voc.runs.atomic_files import replacing
from ssl_voc.runs.boxes_on_images import COLORS

NUM_SHOWN = 12
_COLUMNS = 4
_INK = "#333333"
_DPI = 100
# In pixels of the png.
_CELL = 240
_GAP = 14
_CAPTION = 36
_HEADER = 64
# Characters of a caption's line: more would run into the next photo's.
_LINE_LENGTH = 38
_NAME_LENGTH = 12


@dataclasses.dataclass(frozen=True)
class Gallery:
    """A choice of photos to look at.

    Attributes:
        name: Part of the picture's file name.
        title: What it shows.
        rank: Function of `Localizations` that gives a float array `(num_photos,)`: the
            highest are shown, those of minus infinity never.
    """

    name: str
    title: str
    rank: Callable

    def choose(self, found, number=NUM_SHOWN):
        """Indices of the photos to show, the highest ranks first."""
        ranks = np.asarray(self.rank(found), "float64")
        order = np.argsort(-ranks, kind="stable")
        return [int(index) for index in order[:number] if ranks[index] > -np.inf]


def _best(found):
    return np.where(_is_right(found), found.measures["mean_iou"], -np.inf)


def _worst(found):
    # Of equal boxes, and many miss by all, the surer mistake comes first.
    wrong = np.where(_is_right(found), 0.0, np.nan_to_num(found.confidences))
    return wrong / 1000 - found.measures["mean_iou"]


def _confusing(found):
    return np.where(_is_right(found), -np.inf, np.nan_to_num(found.confidences))


def _is_right(found):
    return found.classes_pred == found.classes_true


GALLERIES = (
    Gallery("best", "Right class, highest IoU", _best),
    Gallery("worst", "Lowest IoU", _worst),
    Gallery("confusing", "Wrong class, highest score", _confusing),
)


def draw_gallery(gallery, found, path):
    """Draws the photos of a gallery with boxes, classes, score and IoU.

    Args:
        gallery: `Gallery`.
        found: `ssl_voc.localization_evaluation.Localizations`.
        path: The png file, replaced at once. Without a photo to show it says so.
    """
    from matplotlib.figure import Figure

    chosen = gallery.choose(found)
    photos = [_fitted(found.photos[index]) for index in chosen]
    tops, height = _stack_rows([pixels.shape[0] for pixels, _ in photos])
    width = _COLUMNS * (_CELL + _GAP) + _GAP
    figure = Figure(figsize=(width / _DPI, height / _DPI))
    title = f"{gallery.title}: {len(chosen)} of {len(found)} photos"
    if not chosen:
        title = f"{gallery.title}: none of {len(found)} photos"
    figure.text(_GAP / width, 1 - 14 / height, title, va="top", fontsize=12, color=_INK)
    _add_legend(figure, width, height)
    for place, (index, (pixels, scale)) in enumerate(zip(chosen, photos, strict=True)):
        row, column = divmod(place, _COLUMNS)
        left, top = _GAP + column * (_CELL + _GAP), tops[row]
        sides = pixels.shape[1], pixels.shape[0]
        axes = figure.add_axes(
            (
                left / width,
                1 - (top + _CAPTION + sides[1]) / height,
                sides[0] / width,
                sides[1] / height,
            )
        )
        axes.set_axis_off()
        axes.imshow(pixels, interpolation="nearest", aspect="auto")
        _add_box(axes, found.boxes_true[index] * scale, "true")
        _add_box(axes, found.boxes_pred[index] * scale, "predicted")
        # An outline at the border keeps its whole width.
        axes.set_xlim(-0.5, sides[0] - 0.5)
        axes.set_ylim(sides[1] - 0.5, -0.5)
        figure.text(
            left / width,
            1 - (top + _CAPTION - 5) / height,
            _caption(found, index),
            va="bottom",
            fontsize=8,
            linespacing=1.3,
            color=_INK,
            parse_math=False,  # names may hold dollars
        )
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=_DPI, format="png")


def _stack_rows(heights):
    """Where each row of photos begins, and the height of the picture, in pixels."""
    tops, top = [], _HEADER
    for start in range(0, len(heights), _COLUMNS):
        tops.append(top)
        top += max(heights[start : start + _COLUMNS]) + _CAPTION + _GAP
    return tops, top


def _caption(found, index):
    true, predicted = (
        _shortened(found.class_names[label[index]], _NAME_LENGTH)
        for label in (found.classes_true, found.classes_pred)
    )
    first = f"true {true}, predicted {predicted} {found.confidences[index]:.2f}"
    iou = f"IoU {found.measures['mean_iou'][index]:.2f}"
    name = _shortened(found.photos[index].image_id, _LINE_LENGTH - len(iou) - 3)
    return f"{first}\n{iou}   {name}"


def _shortened(text, length):
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


def _fitted(photo):
    """The upright photo scaled to fit its cell, and the factors of its x, y, x, y."""
    try:
        pixels = decode(photo.load())
    except (OSError, UnreadableImage):
        # Read a while ago; a file that has gone since is no reason to lose a run.
        pixels = np.full((photo.height, photo.width, 3), 200, "uint8")
    height, width = pixels.shape[:2]
    factor = _CELL / max(height, width)
    sides = max(1, round(width * factor)), max(1, round(height * factor))
    resized = Image.fromarray(pixels).resize(sides, Image.Resampling.LANCZOS)
    scale = np.array([sides[0] / width, sides[1] / height] * 2)
    return np.asarray(resized), scale


def _style(kind):
    """Line of a box: told apart by color and by dashes."""
    color = COLORS[0] if kind == "true" else COLORS[1]
    return {
        "color": tuple(value / 255 for value in color),
        "linestyle": "-" if kind == "true" else (0, (4, 2)),
        "linewidth": 2.0,
    }


def _add_box(axes, box, kind):
    from matplotlib.patches import Rectangle

    if not np.isfinite(box).all():
        return
    # The middle of a box's border is the border of its pixels.
    corner, sides = box[:2] - 0.5, box[2:] - box[:2]
    style = _style(kind)
    # Dark below light: visible on every photo.
    for line in ({"color": "black", "linewidth": 3.6}, style):
        axes.add_patch(Rectangle(corner, *sides, fill=False, **line))


def _add_legend(figure, width, height):
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import Normal, Stroke

    around = [Stroke(linewidth=3.6, foreground="black"), Normal()]
    handles = [
        Line2D([], [], label=f"{kind} box", path_effects=around, **_style(kind))
        for kind in ("true", "predicted")
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=((_GAP - 3) / width, 1 - 32 / height),
        ncols=2,
        frameon=False,
        fontsize=9,
        handlelength=3,
        borderaxespad=0,
    )
