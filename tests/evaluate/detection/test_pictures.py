"""Which photos a detector's galleries show, and what its plots tell."""

import numpy as np
import pytest

from pipelines.photos.photo import Object
from ssl_voc.evaluate.detection import gallery, plots
from ssl_voc.evaluate.detection.gallery import (
    choose_mistakes,
    draw_galleries,
    score_photos,
)
from ssl_voc.evaluate.detection.plots import (
    draw_average_precision,
    draw_detection_confusions,
    draw_precision_recall,
)
from ssl_voc.evaluate.detection.summary import summarize
from ssl_voc.metrics import confusion_counts, score_matches
from tests.evaluate.detection.cases import build_photo, measure, random_case
from tests.visualization.pixels import pixels_of

CAT, DOG, HEN = range(3)
BOX, OTHER = (0, 10, 40, 50), (50, 40, 80, 70)
BEST, WORST, RANDOM = gallery.GALLERIES


def build_scenes():
    """Photos from all right to all wrong, and one with nothing to tell."""
    cat, dog = Object("cat", BOX), Object("dog", OTHER)
    photos = [
        build_photo(0, cat),  # found, with a box beside it
        build_photo(1, cat, dog),  # both found
        build_photo(2, cat, dog),  # neither
        build_photo(3),  # one detection of nothing, the most confident of all
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
    scores = score_photos(build_scenes(), 0.5)
    assert kind.choose(scores) == expected
    assert kind.choose(scores, 1) == expected[:1]


def test_any_photos_are_drawn_at_random_the_same_ones_of_the_same_photos():
    photos = [build_photo(number) for number in range(40)]
    scores = score_photos(measure(photos, [[]] * 40), 0.5)
    chosen = RANDOM.choose(scores)
    assert chosen == RANDOM.choose(scores) and len({*chosen}) == gallery.NUM_SHOWN
    assert chosen != sorted(chosen) and max(chosen) > 20
    assert len(RANDOM.choose(score_photos(build_scenes(), 0.5))) == 6


def test_mistakes_are_shown_by_confidence_and_one_of_each_photo():
    found = build_scenes()
    rows = choose_mistakes(found, 0.1)
    assert found.matches.confidence[rows].tolist() == [0.95, 0.7]
    assert choose_mistakes(found, 0.1, 1) == choose_mistakes(found, 0.8) == rows[:1]


def test_mistakes_are_as_many_as_the_figures_count_with_the_right_boxes_beside(
    sheets, tmp_path
):
    photo = build_photo(0, Object("cat", BOX), Object("dog", OTHER))
    rows = [
        (CAT, 0.9, BOX),
        (DOG, 0.8, OTHER),
        (CAT, 0.7, (0, 10, 40, 46)),  # again
        (HEN, 0.6, BOX),
        (DOG, 0.2, BOX),  # below the threshold
    ]
    found = measure([photo], [rows])
    draw_galleries(found, 0.5, tmp_path)
    title, [tile] = sheets["mistakes"]
    assert "1 photos with 2 wrong detections of confidence 0.5 or more" in title
    assert tile.caption.startswith("cat 0.70: duplicate (IoU 0.90)")
    # The object and its right detection have texts, and whatever is wrong.
    assert texts_of(tile) == ["cat", "cat 0.70", "cat 0.90", "hen 0.60"]
    styles = [outline.style for outline in tile.outlines]
    assert styles[:2] == [gallery.TRUE] * 2 and styles.count(gallery.RIGHT) == 2
    assert styles.count(gallery.WRONG) == 2
    last = tile.outlines[-1]
    assert f"{last.text}{last.ending}" == "cat 0.70"


def texts_of(tile):
    outlines = [outline for outline in tile.outlines if outline.text]
    return sorted(f"{outline.text}{outline.ending}" for outline in outlines)


def test_boxes_lie_where_they_are_in_the_style_of_what_they_are(sheets, tmp_path):
    photo = build_photo(0, Object("cat", (10, 10, 40, 50)))
    rows = [(CAT, 0.8, (10, 10, 40, 46)), (DOG, 0.9, (60, 20, 90, 60))]
    draw_galleries(measure([photo], [rows]), 0.5, tmp_path)
    _, [tile] = sheets["best"]
    # 100 x 80 pixels in a cell of 320.
    assert tile.pixels.shape == (256, 320, 3)
    # The right detection last, above the more confident wrong one.
    for outline, style, box in zip(
        tile.outlines,
        (gallery.TRUE, gallery.WRONG, gallery.RIGHT),
        ((10, 10, 40, 50), (60, 20, 90, 60), (10, 10, 40, 46)),
        strict=True,
    ):
        assert outline.style is style
        np.testing.assert_allclose(outline.box, np.array(box) * 3.2, rtol=1e-5)


def test_detections_below_the_threshold_and_on_difficult_objects_are_not_drawn(
    sheets, tmp_path
):
    photo = build_photo(0, Object("cat", BOX, difficult=True), Object("dog", OTHER))
    rows = [(CAT, 0.9, BOX), (DOG, 0.8, OTHER), (HEN, 0.3, OTHER)]
    draw_galleries(measure([photo], [rows]), 0.5, tmp_path)
    _, [tile] = sheets["best"]
    assert texts_of(tile) == ["dog 0.80"]
    assert tile.outlines[0].style is gallery.DIFFICULT


def test_crowded_photos_name_what_is_wrong_or_missed_or_count_it_alone(
    sheets, tmp_path
):
    boxes = [(4 + 8 * n, 10, 11 + 8 * n, 20) for n in range(12)]
    rows = [(CAT, 0.9, box) for box in boxes[1:]] + [(HEN, 0.8, (0, 50, 20, 70))]
    photos = [
        build_photo(number, *(Object("cat", box) for box in boxes[:count]))
        for number, count in enumerate((12, 7))
    ]
    draw_galleries(measure(photos, [rows, []]), 0.5, tmp_path)
    _, [tile] = sheets["best"]
    assert texts_of(tile) == ["cat", "hen 0.80"]
    _, [tile, _] = sheets["worst"]
    assert texts_of(tile) == []
    assert tile.caption == "0 right, 0 wrong, 7 missed: cat x 7\np1"


def test_captions_count_and_name_what_was_missed(sheets, tmp_path):
    draw_galleries(measure([build_photo(0)], [[]]), 0.5, tmp_path)
    assert sheets.keys() == {*gallery.PICTURES}
    _, [tile] = sheets.pop("random")
    assert tile.caption == "0 right, 0 wrong, 0 missed\np0"
    assert all("none of" in title and not tiles for title, tiles in sheets.values())
    draw_galleries(build_scenes(), 0.5, tmp_path)
    captions = {tile.caption for _, tiles in sheets.values() for tile in tiles}
    assert captions >= {
        "2 right, 0 wrong, 0 missed\np1",
        "0 right, 1 wrong, 2 missed: cat, dog\np2",
        "hen 0.70: wrong class, true cat (IoU 1.00)\np2",
        "dog 0.95: background\np3",
    }


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
    pictures = [*tmp_path.glob("*.png")]
    assert len(pictures) == 3 + len(gallery.PICTURES)
    for path in pictures:
        assert min(pixels_of(path).shape[:2]) > 100


def test_curve_passes_through_the_point_of_the_threshold(figures):
    found = random_case()
    summary = summarize(found)
    curves = score_matches(found.matches, "voc10").curves
    draw_precision_recall(curves, summary, "curves.png")
    [figure] = figures
    # No hen is there to be found.
    for axes, name in zip(figure.axes, ("cat", "dog"), strict=False):
        measured, envelope, point = (line.get_data() for line in axes.lines)
        assert np.isclose(measured, point).all(axis=0).any()
        recall, heights = envelope
        area = np.sum(np.diff(recall) * heights[1:])
        assert area == pytest.approx(summary["per_class"][name]["voc10_ap50"])
    assert not figure.axes[2].lines


def test_of_many_classes_those_with_the_most_objects_have_a_curve(figures, monkeypatch):
    monkeypatch.setattr(plots, "_MOST_PANELS", 4)
    names = tuple(f"c{number}" for number in range(10))
    objects = [Object(name, BOX) for name in names[2:]] + [Object("c9", OTHER)]
    found = measure([build_photo(0, *objects)], [[(9, 0.9, BOX)]], names)
    curves = score_matches(found.matches).curves
    draw_precision_recall(curves, summarize(found), "curves.png")
    titles = [axes.get_title() for axes in figures[0].axes]
    titles = [title for title in titles if title]
    # One of two is found, without a mistake.
    assert len(titles) == 4 and "c9 (2), AP 0.500" in titles
    assert not any(title.startswith(("c0 ", "c1 ")) for title in titles)


def test_confusion_matrix_names_what_was_missed_and_what_was_nothing(figures):
    found = build_scenes()
    counts = confusion_counts(found.matches, 0.5)
    draw_detection_confusions(counts, found.class_names, 0.5, "confusions.png")
    texts = figures[0].axes[0].texts
    # Column, row: three cats and a dog found, a cat taken for a hen, a dog missed.
    # Shares of the row and counts; an empty cell stays empty.
    assert {text.get_position(): text.get_text() for text in texts} == {
        (CAT, CAT): "0.75\n3",
        (HEN, CAT): "0.25\n1",
        (DOG, DOG): "0.50\n1",
        (3, DOG): "0.50\n1",
        (DOG, 3): "1.00\n1",
    }
