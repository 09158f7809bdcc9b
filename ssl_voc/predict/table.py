"""Table of predictions for the terminal."""

import collections
from collections.abc import Sequence

from ssl_voc.serving_client.prediction import Prediction

# Photos and objects of a photo that the table shows; the files have all.
MOST_ROWS = 20
_MOST_OBJECTS = 5
_LONGEST_NAME = 40


class PredictionTable:
    """Collects the first rows and counts everything.

    Attributes:
        num_photos: Number of photos.
        num_empty: Number of photos in which nothing was found.
        counts: Number of objects of each class, by its name.
        categories: Name of each class that was found, by its number.
    """

    def __init__(self):
        self.num_photos = 0
        self.num_empty = 0
        self.counts = collections.Counter()
        self.categories = {}
        self._rows = []

    @property
    def num_detections(self) -> int:
        """Objects found in all photos."""
        return sum(self.counts.values())

    def add(self, name: str, size: Sequence[int], found: Prediction) -> None:
        """Adds a photo.

        Args:
            name: Of the photo.
            size: Its height and width.
            found: What is to be shown of it.
        """
        self.num_photos += 1
        self.num_empty += not len(found)
        self.counts.update(found.class_names)
        numbers = found.classes.tolist()
        self.categories.update(zip(numbers, found.class_names, strict=True))
        if len(self._rows) < MOST_ROWS:
            name = " ".join(name.split())
            if len(name) > _LONGEST_NAME:
                name = "…" + name[1 - _LONGEST_NAME :]
            self._rows.append((name, f"{size[1]} x {size[0]}", _objects(found)))

    def __str__(self) -> str:
        rows = [("photo", "size", "found"), *self._rows]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        lines = [
            f"{name:<{widths[0]}}  {size:>{widths[1]}}  {text}"
            for name, size, text in rows
        ]
        if self.num_photos > len(self._rows):
            lines.append(f"... and {self.num_photos - len(self._rows)} more photos")
        return "\n".join(lines)

    def totals(self) -> str:
        """Objects of each class, the most frequent first, in one line."""
        counts = ", ".join(f"{n} {name}" for name, n in self.counts.most_common())
        return counts or "nothing"


def _objects(found):
    texts = [
        f"{' '.join(name.split())} {score:.2f}"
        for name, score in zip(found.class_names, found.scores, strict=True)
    ]
    more = len(texts) - _MOST_OBJECTS
    return ", ".join(texts[:_MOST_OBJECTS]) + f" and {more} more" * (more > 0) or "-"
