"""Box labels, placed where they hide neither each other nor the photo."""

from collections.abc import Sequence

import numpy as np

from ssl_voc.visualization.fonts import load_font
from ssl_voc.visualization.style import fit_text, shorten

_SMALLEST_LETTER = 8
# Share of the photo's height beyond which a label would hide what it names.
_HIGHEST_LABEL = 1 / 5


class BoxLabels:
    """Writes labels into a picture, one after the other.

    Args:
        canvas: `PIL.ImageDraw.Draw` of the picture.
        size: Width and height of the picture.
        letter_size: Of the letters, in pixels.
        most_area: Share of the picture that labels may take together, in `(0, 1]`.
    """

    def __init__(self, canvas, size: Sequence[int], letter_size: int, most_area: float):
        self._canvas, self._size = canvas, size
        self._letter_size, self._most_area = letter_size, most_area
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
            needed: Whether to write it also where there is no room beside the others.

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
        crowded = self._area + area > self._most_area * width * height
        if not needed and (crowded or hidden):
            return False
        left, top, right, bottom = place
        self._canvas.rectangle((left, top, right - 1, bottom - 1), fill=color)
        corner = left + padding, top + padding // 2
        self._canvas.text(corner, text, fill=_ink_on(color), font=font)
        self._places.append(place)
        self._area += area
        return True

    def _best_place(self, box, sides, below):
        """Where a label of such sides covers the others least, and how many pixels."""
        left, top, right, bottom = box
        width, height = sides
        upper = [(left, top - height), (left, top)]
        lower = [(left, bottom), (left, bottom - height)]
        at_the_right = [(right - width, top), (right - width, bottom - height)]
        corners = [*upper, *lower, *at_the_right]
        if below:
            corners = [*lower, *upper, *at_the_right[::-1]]
        corners = np.array(corners)
        most = np.array(self._size) - sides  # corner of a label at the lower right
        inside = (corners[:, 1] >= 0) & (corners[:, 1] <= most[1])
        places = np.clip(corners, 0, most)
        hidden = self._hidden_by(places, sides)
        best = np.lexsort((~inside, hidden))[0]  # the first of equals
        if hidden[best]:
            # Between the labels that are there, as near to the first corner as can be.
            slots = np.clip(self._slots_at(box, sides), 0, most)
            distances = np.abs(slots - places[0]).sum(axis=1)
            places, hidden = slots, self._hidden_by(slots, sides)
            best = np.lexsort((distances, hidden))[0]
        x, y = places[best].tolist()
        return (x, y, x + width, y + height), hidden[best]

    def _slots_at(self, box, sides):
        """Corners `(n, 2)` of places at a box, and beside the labels that are there."""
        others, line = np.array(self._places), sides[1]
        corners = []
        for axis in (0, 1):
            side, start, end = sides[axis], box[axis], box[axis + 2]
            edges = np.concatenate(
                [
                    (start - side, start, end - side, end),
                    others[:, axis] - side,
                    others[:, axis + 2],
                ]
            )
            # Farther than a line away nobody would know whose label it is.
            near = (edges >= start - side - line) & (edges <= end + line)
            corners.append(np.unique(edges[near]))
        return np.stack(np.meshgrid(*corners), axis=-1).reshape(-1, 2)

    def _hidden_by(self, corners, sides):
        """Pixels `(n,)` of the labels so far that one at each of the corners covers."""
        starts = corners[:, None]  # (n, 1, 2) beside (number of labels, 2)
        others = np.array(self._places, "int64").reshape(-1, 4)
        common = np.minimum(starts + sides, others[:, 2:])
        common = common - np.maximum(starts, others[:, :2])
        return np.maximum(common, 0).prod(axis=-1).sum(axis=-1)


def _ink_on(color):
    """Black or white, whichever is read better."""
    brightness = np.dot(color, (0.299, 0.587, 0.114))
    return (0, 0, 0) if brightness > 110 else (255, 255, 255)
