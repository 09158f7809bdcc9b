"""Photos with everything that is there and everything that was detected."""

import dataclasses
from collections.abc import Callable

import numpy as np

from ssl_voc.evaluate.detection.outcomes import count_outcomes
from ssl_voc.metrics import box_ious
from ssl_voc.visualization.box_outlines import COLORS
from ssl_voc.visualization.photo_sheet import Cell, Line, Outline, Sheet
from ssl_voc.visualization.style import shorten

NUM_SHOWN = 12
TRUE = Line("object", COLORS[0], text_side="bottom")
DIFFICULT = Line("difficult object, not asked for", COLORS[0], "dotted", "bottom")
RIGHT = Line("right detection", COLORS[1], "dashed")
# Okabe and Ito's reddish purple.
WRONG = Line("wrong detection", (204, 121, 167), "dashed")
# More texts than these cover the photo.
_MOST_TEXTS = 10
_MOST_MISSED_WITH_TEXT = 6
_NAME_LENGTH = 12


@dataclasses.dataclass(frozen=True)
class Scores:
    """What photos are chosen by, each an array `(num_photos,)`.

    Attributes:
        f1: F1 of the photo's detections; nan where there is nothing to find or show.
        iou: Mean IoU of right detections with their objects; 0 without any.
        num_true: Right detections.
        num_wrong: Wrong detections and missed objects.
    """

    f1: np.ndarray
    iou: np.ndarray
    num_true: np.ndarray
    num_wrong: np.ndarray


@dataclasses.dataclass(frozen=True)
class PhotoGallery:
    """A choice of photos to look at, with all their objects and detections.

    Attributes:
        name: Part of the picture's file name.
        title: What it shows.
        rank: Function of `Scores` that gives a float array `(num_photos,)`: the highest
            are shown, those of minus infinity never.
    """

    name: str
    title: str
    rank: Callable

    def choose(self, found, threshold, number=NUM_SHOWN):
        """Indices of the photos to show, the highest ranks first."""
        ranks = np.asarray(self.rank(score_photos(found, threshold)), "float64")
        order = np.argsort(-ranks, kind="stable")
        return [int(index) for index in order[:number] if ranks[index] > -np.inf]


def _best(scores):
    # Of equal F1, scenes with many objects tell more than one large one.
    rank = scores.f1 * 1000 + np.minimum(scores.num_true, 5) + scores.iou
    return np.where(scores.num_true > 0, rank, -np.inf)


def _worst(scores):
    rank = -scores.f1 * 1000 + scores.num_wrong
    return np.where(scores.num_wrong > 0, rank, -np.inf)


GALLERIES = (
    PhotoGallery("best", "Highest F1", _best),
    PhotoGallery("worst", "Lowest F1, most mistakes first", _worst),
)
MISTAKES = "mistakes"
PICTURES = (*(gallery.name for gallery in GALLERIES), MISTAKES)


def score_photos(found, threshold):
    """`Scores` of the detections of at least that confidence."""
    counts = count_outcomes(found, threshold)
    true, false, wanted = (
        part.sum(axis=1) for part in (counts.true, counts.false, counts.wanted)
    )
    asked = true + false + wanted
    f1 = np.where(asked > 0, 2 * true / np.maximum(asked, 1), np.nan)
    kept = found.is_true & found.is_kept(threshold)
    images = found.matches.detections.images[kept]
    ious = np.bincount(images, found.matches.ious[kept], minlength=len(found))
    return Scores(f1, ious / np.maximum(true, 1), true, false + wanted - true)


def draw_galleries(found, threshold, folder):
    """Draws `gallery_NAME.png` for each of `PICTURES`.

    Args:
        found: `ssl_voc.evaluate.detection.matching.Detections`.
        threshold: Confidence from which on detections are shown and judged. The most
            confident mistakes are of all confidences.
        folder: Path of an existing folder.
    """
    objects = (TRUE, DIFFICULT) if found.matches.difficult.any() else (TRUE,)
    legend = (*objects, RIGHT, WRONG)
    sheet = Sheet(legend, num_columns=3, side=320, line_width=1.6)
    for gallery in GALLERIES:
        chosen = gallery.choose(found, threshold)
        title = f"{gallery.title}: {_number(len(chosen))} of {len(found)} photos, "
        title += f"detections of confidence {threshold:.2f} or more"
        cells = [_photo_cell(found, index, threshold, sheet) for index in chosen]
        sheet.draw(title, cells, folder / f"gallery_{gallery.name}.png")
    rows = choose_mistakes(found)
    title = f"Most confident mistakes: {_number(len(rows))} of {found.is_false.sum()} "
    title += "wrong detections, one a photo"
    sheet = dataclasses.replace(sheet, legend=(*objects, WRONG))
    cells = [_mistake_cell(found, row, sheet) for row in rows]
    sheet.draw(title, cells, folder / f"gallery_{MISTAKES}.png")


def choose_mistakes(found, number=NUM_SHOWN):
    """Rows of the wrong detections that are surest, the surest of each photo."""
    rows = np.flatnonzero(found.is_false)
    rows = rows[np.argsort(-found.matches.confidence[rows], kind="stable")]
    _, first = np.unique(found.matches.detections.images[rows], return_index=True)
    return [int(row) for row in rows[np.sort(first)][:number]]


def _number(count):
    return count if count else "none"


def _photo_cell(found, index, threshold, sheet):
    detections = found.matches.detections
    kept = (detections.images == index) & found.is_kept(threshold)
    kept &= ~found.is_ignored
    rows = np.flatnonzero(kept)
    # Right ones last, hence above wrong ones, and among them the surest.
    rows = rows[np.lexsort((found.matches.confidence[rows], found.is_true[rows]))]
    with_text = len(rows) <= _MOST_TEXTS
    outlines = [
        Outline(
            detections.boxes[row],
            RIGHT if found.is_true[row] else WRONG,
            _text(found, row) if with_text or found.is_false[row] else "",
        )
        for row in rows
    ]
    missed = (found.matches.objects.images == index) & found.is_wanted
    missed &= ~found.is_found(threshold)
    true, wrong = found.is_true[rows].sum(), found.is_false[rows].sum()
    counts = f"{true} right, {wrong} wrong, {missed.sum()} missed"
    names = _missed_names(found, missed)
    if names:
        counts = shorten(f"{counts}: {names}", sheet.line_length)
    named = missed & (missed.sum() <= _MOST_MISSED_WITH_TEXT)
    return Cell(
        found.photos[index],
        (*_objects(found, index, named), *outlines),
        f"{counts}\n{shorten(found.photos[index].image_id, sheet.line_length)}",
    )


def _mistake_cell(found, row, sheet):
    detections = found.matches.detections
    index = int(detections.images[row])
    is_own = found.matches.objects.images == index
    if found.mistakes[row] == "background" and is_own.sum() <= _MOST_TEXTS:
        shown = is_own
    else:
        # Only the object that was meant is named.
        shown = np.zeros(len(is_own), "bool")
        shown[_meant(found, row)] = True
    outlines = _objects(found, index, shown)
    wrong = Outline(detections.boxes[row], WRONG, _text(found, row))
    first = shorten(f"{_text(found, row)}: {_reason(found, row)}", sheet.line_length)
    name = shorten(found.photos[index].image_id, sheet.line_length)
    return Cell(found.photos[index], (*outlines, wrong), f"{first}\n{name}")


def _meant(found, row):
    """Rows of the object that a wrong detection lies on or beside: one, or none."""
    kind = found.mistakes[row]
    if kind == "background":
        return []
    if kind == "class":
        return [found.overlaps.matched[row]]
    detections, objects = found.matches.detections, found.matches.objects
    same = (objects.images == detections.images[row]) & (
        objects.classes == detections.classes[row]
    )
    rows = np.flatnonzero(same)
    return [rows[np.argmax(box_ious(objects.boxes[rows], detections.boxes[row]))]]


def _reason(found, row):
    """Why a detection is wrong, in words."""
    matches, overlaps = found.matches, found.overlaps
    kind = found.mistakes[row]
    if kind == "class":
        label = overlaps.objects.classes[overlaps.matched[row]]
        name = shorten(found.class_names[label], _NAME_LENGTH)
        return f"true class {name} (IoU {overlaps.ious[row]:.2f})"
    if kind == "duplicate":
        return f"second box on one object (IoU {matches.ious[row]:.2f})"
    if kind == "location":
        return f"box beside its object (IoU {matches.ious[row]:.2f})"
    return "nothing of the kind is there"


def _text(found, row):
    label = found.class_names[found.matches.detections.classes[row]]
    confidence = found.matches.confidence[row]
    return f"{shorten(label, _NAME_LENGTH)} {confidence:.2f}"


def _missed_names(found, missed):
    labels, counts = np.unique(
        found.matches.objects.classes[missed], return_counts=True
    )
    names = [shorten(found.class_names[label], _NAME_LENGTH) for label in labels]
    return ", ".join(
        name if count == 1 else f"{name} x {count}"
        for name, count in zip(names, counts, strict=True)
    )


def _objects(found, index, named):
    """Outlines of a photo's objects, those of `named` with their classes."""
    objects, difficult = found.matches.objects, found.matches.difficult
    rows = np.flatnonzero(objects.images == index)
    # Wanted ones last, hence above difficult ones.
    rows = rows[np.argsort(~difficult[rows], kind="stable")]
    return [
        Outline(
            objects.boxes[row],
            DIFFICULT if difficult[row] else TRUE,
            shorten(found.class_names[objects.classes[row]], _NAME_LENGTH)
            if named[row]
            else "",
        )
        for row in rows
    ]
