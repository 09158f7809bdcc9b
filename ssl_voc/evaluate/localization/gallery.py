"""Photos with the box that is true and the box that was predicted."""

import dataclasses
from collections.abc import Callable

import numpy as np

from ssl_voc.visualization.box_outlines import COLORS
from ssl_voc.visualization.photo_sheet import Cell, Line, Outline, Sheet
from ssl_voc.visualization.style import shorten

NUM_SHOWN = 12
TRUE = Line("true box", COLORS[0])
PREDICTED = Line("predicted box", COLORS[1], "dashed")
SHEET = Sheet((TRUE, PREDICTED))
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
        found: `ssl_voc.evaluate.localization.measures.Localizations`.
        path: The png file, replaced at once. Without a photo to show it says so.
    """
    chosen = gallery.choose(found)
    title = f"{gallery.title}: {len(chosen)} of {len(found)} photos"
    if not chosen:
        title = f"{gallery.title}: none of {len(found)} photos"
    cells = [
        Cell(
            found.photos[index],
            (
                Outline(found.boxes_true[index], TRUE),
                Outline(found.boxes_pred[index], PREDICTED),
            ),
            _caption(found, index),
        )
        for index in chosen
    ]
    SHEET.draw(title, cells, path)


def _caption(found, index):
    true, predicted = (
        shorten(found.class_names[label[index]], _NAME_LENGTH)
        for label in (found.classes_true, found.classes_pred)
    )
    first = f"true {true}, predicted {predicted} {found.confidences[index]:.2f}"
    iou = f"IoU {found.measures['mean_iou'][index]:.2f}"
    name = shorten(found.photos[index].image_id, SHEET.line_length - len(iou) - 3)
    return f"{first}\n{iou}   {name}"
