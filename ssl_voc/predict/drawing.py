"""Boxes with class and score, drawn into photos of any size."""

from pathlib import Path

import numpy as np

from ssl_voc.runs.atomic_files import replacing
from ssl_voc.serving_client.prediction import Prediction
from ssl_voc.visualization.box_outlines import BoxOutline, BoxStyle, draw_boxes
from ssl_voc.visualization.contact_sheet import fit_pixels
from ssl_voc.visualization.fonts import drawable_name
from ssl_voc.visualization.style import COLORS

# The longer side in pixels that whole factors bring smaller photos near to.
_SIDE = 640
# Of letters and lines, beside those of a large photo, which screens show smaller.
_ENLARGED = 2 / 3
# Shares of the picture's mean side, and least pixels.
_LETTER, _SMALLEST_LETTER = 1 / 30, 8
_LINE, _THINNEST_LINE = 1 / 150, 1
_MOST_LABELED = 1 / 7  # of the photo
# Without chroma subsampling: thin colored lines stay sharp.
_JPEG = {"format": "JPEG", "quality": 92, "subsampling": 0}
_PNG = {"format": "PNG", "compress_level": 3}


def draw_prediction(pixels: np.ndarray, prediction: Prediction):
    """Draws what was found into a copy of a photo.

    Args:
        pixels: uint8 `(height, width, 3)`, upright.
        prediction: Boxes in pixels of that photo.

    Returns:
        `PIL.Image` of the photo's size, or a whole multiple of it, for photos whose
        long side is under about 430 px. Boxes are outlined in the colors of classes;
        where labels would hide the photo, only the most confident have one.
    """
    from PIL import Image

    longer = max(pixels.shape[:2])
    factor = max(1, round(_SIDE / longer))
    image = Image.fromarray(fit_pixels(pixels, longer * factor))
    side = (image.width * image.height) ** 0.5 * (_ENLARGED if factor > 1 else 1)
    outlines = [
        BoxOutline(
            box * factor,
            BoxStyle(f"class {label}", COLORS[label % len(COLORS)]),
            drawable_name(name, label),
            f" {score:.2f}",
        )
        for box, label, name, score in zip(
            prediction.boxes,
            prediction.classes.tolist(),
            prediction.class_names,
            prediction.scores,
            strict=True,
        )
    ]
    draw_boxes(
        image,
        outlines[::-1],  # the most confident last, on top of the others
        max(_THINNEST_LINE, round(side * _LINE)),
        max(_SMALLEST_LETTER, round(side * _LETTER)),
        _MOST_LABELED,
    )
    return image


def save_prediction(
    path: Path, pixels: np.ndarray, prediction: Prediction, color_profile=None
) -> None:
    """Draws what was found and writes the picture, replacing `path` at once.

    Args:
        path: File to write, `.jpg` or `.png`; its folder is made.
        pixels: uint8 `(height, width, 3)`, upright.
        prediction: Boxes in pixels of that photo.
        color_profile: ICC profile of the pixels, or None.
    """
    image = draw_prediction(pixels, prediction)
    path.parent.mkdir(parents=True, exist_ok=True)
    options = _JPEG if path.suffix == ".jpg" else _PNG
    with replacing(path) as temporary:
        image.save(temporary, icc_profile=color_profile, **options)
