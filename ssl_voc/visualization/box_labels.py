"""Box labels, placed where they hide neither each other nor the photo."""

from collections.abc import Sequence

import numpy as np

from ssl_voc.visualization.fonts import load_font
from ssl_voc.visualization.style import fit_text, shorten

_SMALLEST_LETTER = 8
# Share of the photo's height beyond which a label would hide what it names.
_HIGHEST_LABEL = 1 / 5
# Share of the photo that labels may take together, and of a label that others may hide.
_MOST_AREA = 1 / 7
_MOST_HIDDEN = 1 / 5


class BoxLabels:
    """Writes labels into a picture, one after the other.

    Args:
        canvas: `PIL.ImageDraw.Draw` of the picture.
        size: Width and height of the picture.
        letter_size: Of the letters, in pixels.
    """

    def __init__(self, canvas, size: Sequence[int], letter_size: int):
        self._canvas, self._size = canvas, size
        self._letter_size = letter_size
        self._places: list[tuple[int, int, int, int]] = []
        self._area = 0  # of all places

    def write(
        self,
        box: Sequence[int],
        name: str,
        color: Sequence[int],
        ending: str = "",
        below: bool = False,
        needed: bool = False,
    ) -> bool:
        """Writes a name by a box, if there is room.

        Args:
            box: xyxy in whole pixels, inside the picture.
            name: Of the class; cut where it is long.
            color: Of the label's ground.
            ending: Text behind the name that is never cut, such as its score.
            below: Whether the lower border of the box goes before the upper one.
            needed: Whether to write it also where labels take much of the picture.

        Returns:
            Whether it was written. In a picture too small for letters none is.
        """
        width, height = self._size
        name = shorten(name)
        # Smaller letters, then fewer, where a small photo has no room.
        for letters in (
            *range(self._letter_size, _SMALLEST_LETTER, -1),
            _SMALLEST_LETTER,
        ):
            font = load_font(letters, bold=True, text=name)
            if font.getlength(name + ending) <= width - 4:
                break
        text = fit_text(name, font, width - 4, ending)
        padding = max(2, font.size // 6)
        ascent, descent = font.getmetrics()
        sides = round(font.getlength(text)) + 2 * padding, ascent + descent + padding
        if sides[0] > width or sides[1] > height * _HIGHEST_LABEL:
            return False
        place, hidden = self._best_place(box, sides, below)
        area = sides[0] * sides[1]
        crowded = self._area + area > _MOST_AREA * width * height
        if not needed and (crowded or hidden > _MOST_HIDDEN * area):
            return False
        left, top, right, bottom = place
        self._canvas.rectangle((left, top, right - 1, bottom - 1), fill=color)
        corner = left + padding, top + padding // 2
        self._canvas.text(corner, text, fill=_ink_on(color), font=font)
        self._places.append(place)
        self._area += area
        return True

    def _best_place(self, box, sides, below):
        """Where a label of such sides covers the others least, and how much."""
        left, top, right, bottom = box
        width, height = sides
        upper = [(left, top - height), (left, top)]
        lower = [(left, bottom), (left, bottom - height)]
        at_the_right = [(right - width, top), (right - width, bottom - height)]
        wanted = [*upper, *lower, *at_the_right]
        if below:
            wanted = [*lower, *upper, *at_the_right[::-1]]
        places = []
        for x, y in wanted:
            inside = 0 <= y <= self._size[1] - height
            x = min(max(x, 0), self._size[0] - width)
            y = min(max(y, 0), self._size[1] - height)
            place = (x, y, x + width, y + height)
            hidden = sum(_common_area(place, other) for other in self._places)
            places.append((hidden, not inside, place))
        # `min` takes the first of equals.
        hidden, _, place = min(places, key=lambda item: item[:2])
        return place, hidden


def _ink_on(color):
    """Black or white, whichever is read better."""
    brightness = np.dot(color, (0.299, 0.587, 0.114))
    return (0, 0, 0) if brightness > 110 else (255, 255, 255)


def _common_area(a: Sequence[int], b: Sequence[int]) -> int:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height)
