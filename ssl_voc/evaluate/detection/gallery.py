"""Galleries of a detector: photos with all objects and all detections."""

import dataclasses

import numpy as np

from ssl_voc.boxes import box_ious
from ssl_voc.evaluate.detection.matching import MISTAKES
from ssl_voc.evaluate.detection.outcomes import count_outcomes
from ssl_voc.evaluate.gallery import NUM_SHOWN, RANDOM, Gallery, draw_gallery
from ssl_voc.visualization.box_outlines import BoxOutline, BoxStyle
from ssl_voc.visualization.contact_sheet import photo_tile
from ssl_voc.visualization.style import COLORS, class_label

TRUE = BoxStyle("object", COLORS[0], labeled_below=True)
DIFFICULT = BoxStyle("difficult object, ignored", COLORS[0], "dotted", True)
RIGHT = BoxStyle("right detection", COLORS[1], "dashed")
WRONG = BoxStyle("wrong detection", COLORS[5], "dashed")
_SIDE = 320
_NUM_COLUMNS = 3
# More texts than these cover the photo.
_MOST_TEXTS = 10
_MOST_MISSED_WITH_TEXT = 6
_NAME_LENGTH = 12


@dataclasses.dataclass(frozen=True)
class PhotoScores:
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

    def __len__(self):
        return len(self.f1)


def _best(scores):
    # Of equal F1, scenes with many objects tell more than one large one.
    rank = scores.f1 * 1000 + np.minimum(scores.num_true, 5) + scores.iou
    return np.where(scores.num_true > 0, rank, -np.inf)


def _worst(scores):
    rank = -scores.f1 * 1000 + scores.num_wrong
    return np.where(scores.num_wrong > 0, rank, -np.inf)


GALLERIES = (
    Gallery("best", "Highest F1", _best),
    Gallery("worst", "Lowest F1, most mistakes first", _worst),
    RANDOM,
)
MOST_CONFIDENT = "mistakes"
PICTURES = (*(gallery.name for gallery in GALLERIES), MOST_CONFIDENT)


def score_photos(found, threshold):
    """`PhotoScores` of the detections of at least that confidence."""
    counts = count_outcomes(found, threshold).sum(axis=1)
    kept = found.is_true & found.is_kept(threshold)
    images = found.matches.detections.images[kept]
    ious = np.bincount(images, found.matches.ious[kept], minlength=len(found))
    return PhotoScores(
        counts.rates()["f1"],
        ious / np.maximum(counts.true, 1),
        counts.true,
        counts.false + counts.wanted - counts.true,
    )


def draw_galleries(found, threshold, folder):
    """Draws `gallery_NAME.png` for each of `PICTURES`.

    Args:
        found: `ssl_voc.evaluate.detection.matching.Detections`.
        threshold: Confidence from which on detections are shown and judged.
        folder: Path of an existing folder.
    """
    objects = (TRUE, DIFFICULT) if found.matches.difficult.any() else (TRUE,)
    legend = (*objects, RIGHT, WRONG)
    scores = score_photos(found, threshold)
    kept = f"of confidence {threshold} or more"
    chosen_from = f"{len(found)} photos, detections {kept}"
    for gallery in GALLERIES:
        tiles = [
            _photo_tile(found, index, threshold) for index in gallery.choose(scores)
        ]
        draw_gallery(
            gallery.name,
            gallery.title,
            tiles,
            chosen_from,
            folder,
            _NUM_COLUMNS,
            legend,
        )
    rows = choose_mistakes(found, threshold)
    tiles = [_mistake_tile(found, row, threshold) for row in rows]
    wrong = found.is_false & found.is_kept(threshold)
    num_photos = len(np.unique(found.matches.detections.images[wrong]))
    chosen_from = f"{num_photos} photos with {wrong.sum()} wrong detections {kept}"
    draw_gallery(
        MOST_CONFIDENT,
        "Most confident mistakes",
        tiles,
        chosen_from,
        folder,
        _NUM_COLUMNS,
        legend,
    )


def choose_mistakes(found, threshold, number=NUM_SHOWN):
    """Rows of the most confident wrong detection of each photo, from a threshold on."""
    rows = np.flatnonzero(found.is_false & found.is_kept(threshold))
    rows = rows[np.argsort(-found.matches.confidence[rows], kind="stable")]
    _, first = np.unique(found.matches.detections.images[rows], return_index=True)
    return [int(row) for row in rows[np.sort(first)][:number]]


def _shown(found, index, threshold):
    """Rows of a photo's detections that count, from a threshold on."""
    is_own = found.matches.detections.images == index
    return np.flatnonzero(is_own & found.is_kept(threshold) & ~found.is_ignored)


def _photo_tile(found, index, threshold):
    rows = _shown(found, index, threshold)
    # Right ones last, hence above wrong ones, and among them the most confident.
    rows = rows[np.lexsort((found.matches.confidence[rows], found.is_true[rows]))]
    with_text = len(rows) <= _MOST_TEXTS
    outlines = [
        _detection(found, row, with_text or found.is_false[row]) for row in rows
    ]
    missed = (found.matches.objects.images == index) & found.is_wanted
    missed &= ~found.is_found(threshold)
    true, wrong = found.is_true[rows].sum(), found.is_false[rows].sum()
    counts = f"{true} right, {wrong} wrong, {missed.sum()} missed"
    names = _missed_names(found, missed)
    if names:
        counts += f": {names}"
    named = missed & (missed.sum() <= _MOST_MISSED_WITH_TEXT)
    outlines = (*_objects(found, index, named), *outlines)
    return _tile(found, index, counts, outlines)


def _mistake_tile(found, row, threshold):
    index = int(found.matches.detections.images[row])
    is_own = found.matches.objects.images == index
    if found.mistakes[row] == "background" and is_own.sum() <= _MOST_TEXTS:
        shown = is_own
    else:
        # Only the object that was meant is named.
        shown = np.zeros(len(is_own), "bool")
        shown[_meant(found, row)] = True
    others = _shown(found, index, threshold)
    others = others[others != row]
    few = found.is_false[others].sum() <= _MOST_TEXTS
    others = [
        _detection(
            found,
            other,
            few if found.is_false[other] else shown[found.matches.matched[other]],
        )
        for other in others
    ]
    wrong = _detection(found, row)
    words = f"{wrong.text}{wrong.ending}: {_reason(found, row)}"
    outlines = (*_objects(found, index, shown), *others, wrong)
    return _tile(found, index, words, outlines)


def _tile(found, index, words, outlines):
    photo = found.photos[index]
    return photo_tile(photo, _SIDE, f"{words}\n{photo.image_id}", outlines)


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
        overlap = f", true {_name(found, label)} (IoU {overlaps.ious[row]:.2f})"
    elif kind == "background":
        overlap = ""
    else:
        overlap = f" (IoU {matches.ious[row]:.2f})"
    return MISTAKES[kind] + overlap


def _detection(found, row, with_text=True):
    """Outline of a detection, with its class and confidence."""
    detections = found.matches.detections
    style = RIGHT if found.is_true[row] else WRONG
    name, ending = "", ""
    if with_text:
        name = _name(found, detections.classes[row])
        ending = f" {found.matches.confidence[row]:.2f}"
    return BoxOutline(detections.boxes[row], style, name, ending)


def _missed_names(found, missed):
    labels, counts = np.unique(
        found.matches.objects.classes[missed], return_counts=True
    )
    names = [_name(found, label) for label in labels]
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
        BoxOutline(
            objects.boxes[row],
            DIFFICULT if difficult[row] else TRUE,
            _name(found, objects.classes[row]) if named[row] else "",
        )
        for row in rows
    ]


def _name(found, label):
    return class_label(found.class_names[label], label, _NAME_LENGTH)
