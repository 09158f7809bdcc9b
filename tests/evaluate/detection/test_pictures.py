"""Which photos a detector's galleries show, and what is painted into them."""

import dataclasses

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from pipelines.photos.photo import Object
from ssl_voc.evaluate.detection import gallery, plots
from ssl_voc.evaluate.detection.gallery import choose_mistakes, draw_galleries
from ssl_voc.evaluate.detection.plots import (
    draw_average_precision,
    draw_detection_confusions,
    draw_precision_recall,
)
from ssl_voc.evaluate.detection.summary import summarize
from ssl_voc.metrics import confusion_counts, score_matches
from tests.evaluate.detection.cases import GROUND, build_photo, measure, random_case

CAT, DOG, HEN = range(3)
BOX, OTHER = (0, 10, 40, 50), (50, 40, 80, 70)
BEST, WORST = gallery.GALLERIES


def build_scenes():
    """Photos from all right to all wrong, and one with nothing to tell."""
    cat, dog = Object("cat", BOX), Object("dog", OTHER)
    photos = [
        build_photo(0, cat),  # found, with a box beside it
        build_photo(1, cat, dog),  # both found
        build_photo(2, cat, dog),  # neither
        build_photo(3),  # one detection of nothing, the surest of all
        build_photo(4),  # nothing
        build_photo(5, cat),  # found exactly
    ]
    detections = [
        [(CAT, 0.9, (0, 10, 40, 46))],
        [(CAT, 0.9, BOX), (DOG, 0.9, OTHER)],
        [(HEN, 0.7, BOX), (CAT, 0.2, OTHER)],
        [(DOG, 0.95, BOX)],
        [],
        [(CAT, 0.9, BOX)],
    ]
    return measure(photos, detections)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # Among those with F1 1: the most objects, then the tightest box.
        (BEST, [1, 5, 0]),
        # F1 0 twice, three mistakes before one.
        (WORST, [2, 3]),
    ],
    ids=["best", "worst"],
)
def test_gallery_shows_its_photos_the_most_telling_first(kind, expected):
    found = build_scenes()
    assert kind.choose(found, 0.5) == expected
    assert kind.choose(found, 0.5, 1) == expected[:1]


def test_mistakes_are_shown_the_surest_first_and_one_of_each_photo():
    found = build_scenes()
    rows = choose_mistakes(found)
    assert found.matches.confidence[rows].tolist() == [0.95, 0.7]
    assert choose_mistakes(found, 1) == rows[:1]


def extent(mask):
    """First row, row after the last, first column, column after the last."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def test_boxes_are_painted_where_they_are_in_the_color_of_what_they_are(tmp_path):
    photo = build_photo(0, Object("cat", (10, 10, 40, 50)))
    rows = [(CAT, 0.9, (10, 10, 40, 46)), (DOG, 0.8, (60, 20, 90, 60))]
    draw_galleries(measure([photo], [rows]), 0.5, tmp_path)
    with Image.open(tmp_path / "gallery_best.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    top, bottom, left, right = extent(np.abs(pixels - GROUND).max(axis=-1) < 3)
    # 100 x 80 pixels in a cell of 320.
    assert (right - left, bottom - top) == (320, 256)
    inside, factor = pixels[top:bottom, left:right], 3.2
    for line, box in (
        (gallery.TRUE, (10, 10, 40, 50)),
        (gallery.RIGHT, (10, 10, 40, 46)),
        (gallery.WRONG, (60, 20, 90, 60)),
    ):
        painted = np.abs(inside - line.color).max(axis=-1) < 40
        y1, y2, x1, x2 = extent(painted)
        found = np.array([x1, y1, x2, y2]) / factor
        if line is gallery.TRUE:  # the upper part lies below the detection
            found[1] = box[1]
        np.testing.assert_allclose(found, box, atol=1.5)
    for line in (gallery.TRUE, gallery.RIGHT, gallery.WRONG):  # the legend
        assert (np.abs(pixels[:top] - line.color).max(axis=-1) < 40).sum() > 10


def test_right_detection_is_seen_where_a_surer_wrong_one_lies_on_it(tmp_path):
    photo = build_photo(0, Object("cat", BOX))
    found = measure([photo], [[(CAT, 0.8, BOX), (DOG, 0.9, BOX)]])
    draw_galleries(found, 0.5, tmp_path)
    with Image.open(tmp_path / "gallery_best.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    painted = np.abs(pixels - gallery.RIGHT.color).max(axis=-1) < 40
    y1, y2, x1, x2 = extent(painted & (np.arange(len(pixels)) > 100)[:, None])
    assert (x2 - x1, y2 - y1) == pytest.approx((128, 128), abs=5)  # 40 times 3.2


def texts_of(monkeypatch, owner):
    """A list that collects what is written into figures or axes."""
    texts, original = [], owner.text

    def text(self, x, y, s, **style):
        texts.append(s)
        return original(self, x, y, s, **style)

    monkeypatch.setattr(owner, "text", text)
    return texts


def test_captions_count_and_name_what_was_missed(tmp_path, monkeypatch):
    captions = texts_of(monkeypatch, Figure)
    draw_galleries(build_scenes(), 0.5, tmp_path)
    assert "2 right, 0 wrong, 0 missed\np1" in captions
    assert "0 right, 1 wrong, 2 missed: cat, dog\np2" in captions
    assert "hen 0.70: true class cat (IoU 1.00)\np2" in captions
    assert "dog 0.95: nothing of the kind is there\np3" in captions


def test_detections_below_the_threshold_and_on_difficult_objects_are_not_drawn(
    tmp_path, monkeypatch
):
    labels = texts_of(monkeypatch, Axes)
    photo = build_photo(0, Object("cat", BOX, difficult=True), Object("dog", OTHER))
    rows = [(CAT, 0.9, BOX), (DOG, 0.8, OTHER), (HEN, 0.3, OTHER)]
    monkeypatch.setattr(gallery, "choose_mistakes", lambda found: [])
    draw_galleries(measure([photo], [rows]), 0.5, tmp_path)
    assert labels == ["dog 0.80"]


def test_crowded_photos_name_what_is_wrong_or_missed_alone(tmp_path, monkeypatch):
    labels = texts_of(monkeypatch, Axes)
    boxes = [(4 + 8 * n, 10, 11 + 8 * n, 20) for n in range(12)]
    photo = build_photo(0, *(Object("cat", box) for box in boxes))
    rows = [(CAT, 0.9, box) for box in boxes[1:]] + [(HEN, 0.8, (0, 50, 20, 70))]
    monkeypatch.setattr(gallery, "choose_mistakes", lambda found: [])
    monkeypatch.setattr(gallery, "GALLERIES", (BEST,))
    draw_galleries(measure([photo], [rows]), 0.5, tmp_path)
    assert sorted(labels) == ["cat", "hen 0.80"]


def test_many_missed_objects_are_counted_in_the_caption_alone(tmp_path, monkeypatch):
    labels, captions = texts_of(monkeypatch, Axes), texts_of(monkeypatch, Figure)
    boxes = [(10 * n, 10, 10 * n + 8, 20) for n in range(7)]
    photo = build_photo(0, *(Object("cat", box) for box in boxes))
    draw_galleries(measure([photo], [[]]), 0.5, tmp_path)
    assert labels == [] and "0 right, 0 wrong, 7 missed: cat x 7\np0" in captions


def test_galleries_without_a_photo_say_so(tmp_path, monkeypatch):
    texts = texts_of(monkeypatch, Figure)
    draw_galleries(measure([build_photo(0)], [[]]), 0.5, tmp_path)
    assert sum("none of" in text for text in texts) == 3
    assert len(list(tmp_path.glob("gallery_*.png"))) == 3


def test_names_with_dollars_and_classes_without_objects_are_drawn(tmp_path):
    found = random_case(names=("$cat^{$", "dog_", "hen"))
    figures = summarize(found)
    draw_average_precision(figures, tmp_path / "per_class.png")
    curves = score_matches(found.matches).curves
    draw_precision_recall(curves, figures, tmp_path / "curves.png")
    counts = confusion_counts(found.matches, 0.5)
    names = found.class_names
    draw_detection_confusions(counts, names, 0.5, tmp_path / "confusions.png")
    draw_galleries(found, 0.5, tmp_path)
    for path in tmp_path.glob("*.png"):
        with Image.open(path) as picture:
            assert min(picture.size) > 100


def test_curve_passes_through_the_point_of_the_threshold(tmp_path, monkeypatch):
    drawn, original = [], Axes.plot

    def plot(self, x, y, *form, **style):
        drawn.append((style["label"], np.atleast_1d(x), np.atleast_1d(y)))
        return original(self, x, y, *form, **style)

    monkeypatch.setattr(Axes, "plot", plot)
    found = random_case()
    figures = summarize(found)
    draw_precision_recall(
        score_matches(found.matches, "voc10").curves, figures, tmp_path / "curves.png"
    )
    curves = [item for item in drawn if item[0] == "measured"]
    points = [item for item in drawn if item[0].startswith("at the threshold")]
    assert len(curves) == len(points) == 2  # no hen is there to be found
    for (_, recall, precision), (_, x, y) in zip(curves, points, strict=True):
        assert np.any(np.isclose(recall, x) & np.isclose(precision, y))
    envelopes = [item for item in drawn if item[0].startswith("envelope")]
    for (_, recall, heights), name in zip(envelopes, ("cat", "dog"), strict=True):
        area = np.sum(np.diff(recall) * heights[1:])
        assert area == pytest.approx(figures["per_class"][name]["voc10_ap50"])


def test_of_many_classes_those_with_the_most_objects_have_a_curve(
    tmp_path, monkeypatch
):
    titles, original = [], Axes.set_title

    def set_title(self, label, **style):
        titles.append(label)
        return original(self, label, **style)

    monkeypatch.setattr(Axes, "set_title", set_title)
    monkeypatch.setattr(plots, "_MOST_PANELS", 4)
    names = tuple(f"c{number}" for number in range(10))
    photo = build_photo(
        0, *(Object(name, BOX) for name in names[2:]), *[Object("c9", OTHER)]
    )
    found = measure([photo], [[(9, 0.9, BOX)]], names)
    figures = summarize(found)
    curves = score_matches(found.matches).curves
    draw_precision_recall(curves, figures, tmp_path / "curves.png")
    # One of two is found, without a mistake.
    assert len(titles) == 4 and "c9 (2), AP 0.500" in titles
    assert not any(title.startswith(("c0 ", "c1 ")) for title in titles)


def test_confusion_matrix_names_what_was_missed_and_what_was_nothing(
    tmp_path, monkeypatch
):
    cells, original = {}, Axes.text

    def text(self, x, y, s, **style):
        cells[x, y] = s
        return original(self, x, y, s, **style)

    monkeypatch.setattr(Axes, "text", text)
    found = build_scenes()
    counts = confusion_counts(found.matches, 0.5)
    path = tmp_path / "confusions.png"
    draw_detection_confusions(counts, found.class_names, 0.5, path)
    # Column, row: three cats and a dog found, a cat taken for a hen, a dog missed.
    assert cells == {
        (CAT, CAT): "0.75\n3",
        (HEN, CAT): "0.25\n1",
        (DOG, DOG): "0.50\n1",
        (3, DOG): "0.50\n1",
        (DOG, 3): "1.00\n1",
    }


def test_photo_that_is_gone_costs_its_pixels_and_no_more(tmp_path):
    class Gone:
        path_name = "gone.png"

        def load(self):
            raise FileNotFoundError("gone.png")

    photo = dataclasses.replace(build_photo(0, Object("cat", BOX)), content=Gone())
    draw_galleries(measure([photo], [[(DOG, 0.9, BOX)]]), 0.5, tmp_path)
    assert (tmp_path / "gallery_mistakes.png").exists()
