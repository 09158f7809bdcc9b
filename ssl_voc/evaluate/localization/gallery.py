"""Galleries of a localizer: photos with true and predicted box."""

import numpy as np

from ssl_voc.evaluate.gallery import RANDOM, Gallery, draw_gallery
from ssl_voc.visualization.box_outlines import BoxOutline, BoxStyle
from ssl_voc.visualization.contact_sheet import photo_tile
from ssl_voc.visualization.style import COLORS, class_label

TRUE = BoxStyle("true box", COLORS[0])
PREDICTED = BoxStyle("predicted box", COLORS[1], "dashed")
_SIDE = 240
_NUM_COLUMNS = 4
_NAME_LENGTH = 12


def _best(found):
    return np.where(_is_right(found), found.measures["mean_iou"], -np.inf)


def _worst(found):
    # Of equal boxes, and many miss by all, the more confident mistake comes first.
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
    RANDOM,
)


def draw_galleries(found, folder):
    """Draws `gallery_NAME.png` of photos with boxes, classes, score and IoU.

    Args:
        found: `ssl_voc.evaluate.localization.measures.Localizations`.
        folder: Path of an existing folder.
    """
    for gallery in GALLERIES:
        tiles = [
            photo_tile(
                found.photos[index],
                _SIDE,
                _caption(found, index),
                (
                    BoxOutline(found.boxes_true[index], TRUE),
                    BoxOutline(found.boxes_pred[index], PREDICTED),
                ),
            )
            for index in gallery.choose(found)
        ]
        draw_gallery(
            gallery.name,
            gallery.title,
            tiles,
            f"{len(found)} photos",
            folder,
            _NUM_COLUMNS,
            (TRUE, PREDICTED),
        )


def _caption(found, index):
    true, predicted = (
        class_label(found.class_names[label], label, _NAME_LENGTH)
        for label in (found.classes_true[index], found.classes_pred[index])
    )
    scores = f"score {found.confidences[index]:.2f}"
    scores += f", IoU {found.measures['mean_iou'][index]:.2f}"
    name = found.photos[index].image_id
    return f"true {true}, predicted {predicted}\n{scores}, {name}"
