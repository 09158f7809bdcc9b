"""Boxes with class and score, drawn into photos of any size."""

from pathlib import Path

import numpy as np

from ssl_voc.runs.atomic_files import replacing
from ssl_voc.serving_client.prediction import Prediction
from ssl_voc.visualization.box_labels import BoxLabels
from ssl_voc.visualization.box_outlines import fit_box, outline_box
from ssl_voc.visualization.fonts import drawable_name
from ssl_voc.visualization.style import COLORS

# Shares of the photo's mean side, and least pixels.
_LETTER, _SMALLEST_LETTER = 1 / 30, 8
_LINE, _THINNEST_LINE = 1 / 150, 1
# Without chroma subsampling: thin colored lines stay sharp.
_JPEG = {"format": "JPEG", "quality": 92, "subsampling": 0}
_PNG = {"format": "PNG", "compress_level": 3}


def draw_prediction(pixels: np.ndarray, prediction: Prediction):
    """Draws what was found into a copy of a photo.

    Args:
        pixels: uint8 `(height, width, 3)`, upright.
        prediction: Boxes in pixels of that photo.

    Returns:
        `PIL.Image` of the photo's size. Boxes are outlined in the colors of classes;
        where labels would hide the photo, only the most confident have one.
    """
    from PIL import Image, ImageDraw

    image = Image.fromarray(pixels)
    canvas = ImageDraw.Draw(image)
    side = (image.width * image.height) ** 0.5
    line = max(_THINNEST_LINE, round(side * _LINE))
    boxes = [fit_box(box, image.size) for box in prediction.boxes]
    # The most confident last, on top of the others.
    for index in reversed(range(len(prediction))):
        outline_box(canvas, boxes[index], _color(prediction.classes[index]), line)
    labels = BoxLabels(canvas, image.size, max(_SMALLEST_LETTER, round(side * _LETTER)))
    # In a crowd not all have room: the most confident of each class
    # tells what a color means.
    first = np.unique(prediction.classes, return_index=True)[1]
    order = range(len(prediction))
    for index in sorted(order, key=lambda index: index not in first):
        labels.write(
            boxes[index],
            drawable_name(prediction.class_names[index], prediction.classes[index]),
            _color(prediction.classes[index]),
            f" {prediction.scores[index]:.2f}",
            needed=index in first,
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


def _color(label):
    return COLORS[int(label) % len(COLORS)]
