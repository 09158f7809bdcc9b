"""Which photos a localizer's galleries show, and what its plots tell."""

import numpy as np
import pytest

from pipelines.photos.photo import Object, Photos
from ssl_voc.evaluate.localization import gallery, measures
from ssl_voc.evaluate.localization.gallery import draw_galleries
from ssl_voc.evaluate.localization.plots import draw_confusions, draw_per_class
from tests.photos_in_memory import build_photo
from tests.visualization.pixels import pixels_of

BEST, WORST, CONFUSING, RANDOM = gallery.GALLERIES
NAMES = ("$cat^{$", "dog_")  # what matplotlib would take for mathematics


def build_case(rows):
    """Localizations of rows (true class, predicted class, score, x1 of the box).

    The true box spans x from 0 to 40, the predicted one 40 pixels from x1 on.
    """
    pixels = np.zeros((60, 120, 3), "uint8")
    photos = [
        build_photo(f"{number}_", pixels, Object(NAMES[row[0]], (0, 10, 40, 50)))
        for number, row in enumerate(rows)
    ]
    scores = [
        [score, 1 - score] if label == 0 else [1 - score, score]
        for _, label, score, _ in rows
    ]
    boxes = [(x1, 10, x1 + 40, 50) for *_, x1 in rows]
    return measures.measure_localizations(
        Photos(photos, "set"), NAMES, np.array(scores), np.array(boxes, "float64")
    )


ROWS = [
    (0, 0, 0.9, 20),  # right, IoU 1/3
    (0, 1, 0.6, 0),  # wrong, IoU 1
    (1, 1, 0.7, 4),  # right, IoU 0.82
    (1, 0, 0.8, 60),  # wrong, IoU 0
    (1, 1, 0.99, 60),  # right, IoU 0
    (0, 1, 0.95, 30),  # wrong, IoU 1/7
]


@pytest.mark.parametrize(
    ("gallery", "expected"),
    [(BEST, [2, 0, 4]), (WORST, [3, 4, 5, 0, 2, 1]), (CONFUSING, [5, 3, 1])],
    ids=["best", "worst", "confusing"],
)
def test_gallery_shows_its_photos_the_most_telling_first(gallery, expected):
    found = build_case(ROWS)
    assert gallery.choose(found) == expected
    assert gallery.choose(found, 2) == expected[:2]


def test_any_photos_are_drawn_at_random_the_same_ones_of_the_same_photos():
    found = build_case(ROWS * 3)
    assert RANDOM.choose(found) == RANDOM.choose(build_case(ROWS[::-1] * 3))
    assert len({*RANDOM.choose(found)}) == 12


def test_tiles_show_both_boxes_in_the_enlarged_photo_and_tell_of_them(sheets, tmp_path):
    draw_galleries(build_case([(0, 1, 0.75, 20)]), tmp_path)
    _, [tile] = sheets["confusing"]
    # 120 x 60 pixels in a cell of 240: everything twice as large.
    assert tile.pixels.shape == (120, 240, 3)
    true, predicted = tile.outlines
    np.testing.assert_allclose(true.box, [0, 20, 80, 100])
    np.testing.assert_allclose(predicted.box, [40, 20, 120, 100])
    assert (true.style, predicted.style) == (gallery.TRUE, gallery.PREDICTED)
    assert tile.caption.split("\n") == [
        "true $cat^{$, predicted dog_",
        "score 0.75, IoU 0.33, 0_",
    ]
    draw_galleries(build_case(ROWS[:1]), tmp_path)
    assert sheets["confusing"][0].endswith("none of 1 photos")
    assert sheets["best"][0].endswith("1 of 1 photos")


def test_plots_draw_names_with_dollars_and_classes_without_photos(tmp_path):
    found = build_case(ROWS[:2])  # no dog
    figures = measures.summarize(found)
    assert figures["per_class"][NAMES[1]]["num_images"] == 0
    draw_per_class(figures, tmp_path / "per_class.png")
    counts = measures.count_confusions(found)
    draw_confusions(counts, NAMES, tmp_path / "confusions.png")
    for name in ("per_class", "confusions"):
        assert min(pixels_of(tmp_path / f"{name}.png").shape[:2]) > 100
