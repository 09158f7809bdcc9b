"""Boxes with class and score, drawn into photos of any size."""

import functools
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssl_voc.prediction_result import Prediction
from ssl_voc.runs.atomic_files import replacing

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
_LINE, _THINNEST_LINE = 1 / 150, 2
_LONGEST_NAME = 24
# A label that takes more of a photo's height would hide what it names.
_LARGEST_LABEL = 1 / 5
_JPEG_QUALITY = 92


def draw_prediction(pixels: np.ndarray, prediction: Prediction):
    """Draws what was found into a copy of a photo.

    Args:
        pixels: uint8 `(height, width, 3)`, upright.
        prediction: Boxes in pixels of that photo.

    Returns:
        `PIL.Image` of the photo's size.
    """
    from PIL import Image, ImageDraw

    image = Image.fromarray(pixels)
    canvas = ImageDraw.Draw(image)
    side = (image.width * image.height) ** 0.5
    line = max(_THINNEST_LINE, round(side * _LINE))
    font = _font(max(_SMALLEST_LETTER, round(side * _LETTER)))
    boxes = [_in_image(box, image.size) for box in prediction.boxes]
    # The surest last, on top of the others.
    for index in reversed(range(len(prediction))):
        _outline(canvas, boxes[index], _color(prediction.classes[index]), line)
    taken = []
    for index, box in enumerate(boxes):
        name = _printable(prediction.class_names[index])
        text = f"{name} {prediction.scores[index]:.2f}"
        color = _color(prediction.classes[index])
        place = _label(canvas, image.size, box, text, font, color, taken)
        taken += [place] * (place is not None)
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


def _ink_on(color):
    """Black or white, whichever is read better."""
    brightness = np.dot(color, (0.299, 0.587, 0.114))
    return (0, 0, 0) if brightness > 110 else (255, 255, 255)


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


def _label(canvas, size, box, text, font, color, taken):
    """Writes a label by its box, where no other is; returns where it lies.

    None, if the photo is too small for letters that can be read.
    """
    text, font = _fitted(text, font, size[0])
    padding = max(2, font.size // 6)
    ascent, descent = font.getmetrics()
    width = round(font.getlength(text)) + 2 * padding
    height = ascent + descent + padding
    if height > size[1] * _LARGEST_LABEL or width > size[0]:
        return None
    left, top, right, bottom = box
    wanted = (
        (left, top - height),  # above
        (left, top),  # inside, at the top
        (left, bottom),  # below
        (left, bottom - height),
        (right - width, top),
        (right - width, bottom - height),
    )
    places = []
    for x, y in wanted:
        inside = 0 <= y <= size[1] - height
        x = min(max(x, 0), max(0, size[0] - width))
        y = min(max(y, 0), max(0, size[1] - height))
        place = (x, y, x + width, y + height)
        covered = sum(_common_area(place, other) for other in taken)
        places.append((covered, not inside, place))
    # The first of the least covered; `min` keeps the order of equals.
    place = min(places, key=lambda item: item[:2])[2]
    canvas.rectangle((place[0], place[1], place[2] - 1, place[3] - 1), fill=color)
    canvas.text(
        (place[0] + padding, place[1] + padding // 2),
        text,
        fill=_ink_on(color),
        font=font,
    )
    return place


def _fitted(text, font, width):
    """Smaller letters, then fewer, where a small photo has no room."""
    while font.size > _SMALLEST_LETTER and font.getlength(text) > width - 4:
        font = _font(font.size - 1)
    name, _, score = text.rpartition(" ")
    while len(name) > 1 and font.getlength(f"{name}… {score}") > width - 4:
        name = name[:-1]
    shortened = f"{name}… {score}"
    return (text if font.getlength(text) <= width - 4 else shortened), font


def _common_area(a: Sequence[int], b: Sequence[int]) -> int:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height)


def _printable(text):
    """One line without signs that steer instead of being seen."""
    kept = "".join(
        " " if unicodedata.category(sign).startswith("C") else sign for sign in text
    )
    text = " ".join(kept.split())
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"


@functools.lru_cache
def _font(size):
    """DejaVu, which comes with matplotlib: Latin, Greek, Cyrillic and more."""
    import matplotlib
    from PIL import ImageFont

    path = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans-Bold.ttf")
    return ImageFont.truetype(str(path), size)
