"""Boxes with class and score, drawn into photos of any size."""

from pathlib import Path

import numpy as np

from ssl_voc.predict.labels import Labels
from ssl_voc.runs.atomic_files import replacing
from ssl_voc.serving_client.prediction import Prediction

# Told apart by most eyes and on most photos; classes take turns. Okabe and Ito's
# without black, and three lighter ones.
COLORS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (0, 114, 178),
    (170, 221, 119),
    (255, 170, 170),
    (187, 187, 255),
)
# Shares of the photo's mean side, and least pixels.
_LETTER, _SMALLEST_LETTER = 1 / 30, 8
_LINE, _THINNEST_LINE = 1 / 150, 1
_JPEG_QUALITY = 92


def draw_prediction(pixels: np.ndarray, prediction: Prediction):
    """Draws what was found into a copy of a photo.

    Args:
        pixels: uint8 `(height, width, 3)`, upright.
        prediction: Boxes in pixels of that photo.

    Returns:
        `PIL.Image` of the photo's size. Boxes are outlined in the colors of classes;
        where labels would hide the photo, only the surest have one.
    """
    from PIL import Image, ImageDraw

    image = Image.fromarray(pixels)
    canvas = ImageDraw.Draw(image)
    side = (image.width * image.height) ** 0.5
    line = max(_THINNEST_LINE, round(side * _LINE))
    boxes = [_in_image(box, image.size) for box in prediction.boxes]
    # The surest last, on top of the others.
    for index in reversed(range(len(prediction))):
        _outline(canvas, boxes[index], _color(prediction.classes[index]), line)
    labels = Labels(canvas, image.size, max(_SMALLEST_LETTER, round(side * _LETTER)))
    # In a crowd not all have room: the surest of each class tells what a color means.
    first, others = [], []
    for index, label in enumerate(prediction.classes):
        known = label in prediction.classes[:index]
        (others if known else first).append(index)
    for index in [*first, *others]:
        labels.write(
            boxes[index],
            prediction.class_names[index],
            prediction.scores[index],
            _color(prediction.classes[index]),
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
    options = {"icc_profile": color_profile} if color_profile else {}
    if path.suffix == ".jpg":
        # Without chroma subsampling: thin colored lines stay sharp.
        options |= {"format": "JPEG", "quality": _JPEG_QUALITY, "subsampling": 0}
    else:
        options |= {"format": "PNG", "compress_level": 3}
    with replacing(path) as temporary:
        image.save(temporary, **options)


def _color(label):
    return COLORS[int(label) % len(COLORS)]


def _in_image(box, size):
    """Corners as whole pixels, inside the photo and at least one pixel apart."""
    width, height = size
    left, top, right, bottom = np.round(np.asarray(box, "float64")).astype(int)
    left, right = np.clip([left, right], 0, width)
    top, bottom = np.clip([top, bottom], 0, height)
    left, top = min(left, width - 1), min(top, height - 1)
    return int(left), int(top), int(max(right, left + 1)), int(max(bottom, top + 1))


def _outline(canvas, box, color, line):
    left, top, right, bottom = box
    line = min(line, max(1, min(right - left, bottom - top) // 4))
    # A thin dark rim: visible on light ground, too. Pillow includes the last pixel.
    outer = (left - 1, top - 1, right, bottom)
    canvas.rectangle(outer, outline=(0, 0, 0), width=line + 2)
    canvas.rectangle((left, top, right - 1, bottom - 1), outline=color, width=line)
