"""Which photos the galleries show, and where the boxes are painted."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from pipelines.photos.content import ArrayItem
from pipelines.photos.photo import Object, Photo, Photos
from ssl_voc.evaluate.localization import measures
from ssl_voc.evaluate.localization.gallery import GALLERIES, draw_gallery
from ssl_voc.evaluate.localization.plots import draw_confusions, draw_per_class
from ssl_voc.visualization.box_outlines import COLORS

BEST, WORST, CONFUSING = GALLERIES
NAMES = ("$cat^{$", "dog_")  # what matplotlib would take for mathematics
GROUND = (0, 160, 60)  # no text has this color
TRUE, PREDICTED = (np.array(color) for color in COLORS)


def build_case(rows, size=(120, 60)):
    """Localizations of rows (true class, predicted class, score, x1 of the box).

    The true box spans x from 0 to 40, the predicted one 40 pixels from x1 on.
    """
    width, height = size
    pixels = np.full((1, height, width, 3), GROUND, "uint8")
    photos = [
        Photo(
            f"{number}_",
            "set",
            ArrayItem(pixels, 0, "set"),
            (Object(NAMES[row[0]], (0, 10, 40, 50)),),
            width=width,
            height=height,
        )
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


def test_boxes_are_painted_where_they_are_in_the_enlarged_photo(tmp_path):
    draw_gallery(BEST, build_case([(0, 0, 0.9, 70)]), tmp_path / "best.png")
    with Image.open(tmp_path / "best.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    top, bottom, left, right = extent(np.abs(pixels - GROUND).max(axis=-1) < 3)
    # 120 x 60 pixels in a cell of 240: everything twice as large.
    assert (right - left, bottom - top) == (240, 120)
    inside = pixels[top:bottom, left:right]
    for color, box in ((TRUE, (0, 10, 40, 50)), (PREDICTED, (70, 10, 110, 50))):
        painted = np.abs(inside - color).max(axis=-1) < 40
        x_extent, y_extent = extent(painted)[2:], extent(painted)[:2]
        # Lines are some pixels thick.
        np.testing.assert_allclose(x_extent, np.array(box[0::2]) * 2, atol=3)
        np.testing.assert_allclose(y_extent, np.array(box[1::2]) * 2, atol=3)
    above = pixels[:top]
    for color in (TRUE, PREDICTED):  # the legend
        assert (np.abs(above - color).max(axis=-1) < 40).sum() > 20


def extent(mask):
    """First row, row after the last, first column, column after the last."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def test_gallery_without_a_photo_says_so(tmp_path, monkeypatch):
    texts = texts_of_figures(monkeypatch)
    draw_gallery(CONFUSING, build_case(ROWS[:1]), tmp_path / "none.png")
    assert any(text.endswith("none of 1 photos") for text in texts)


def test_caption_tells_both_classes_score_and_iou(tmp_path, monkeypatch):
    texts = texts_of_figures(monkeypatch)
    draw_gallery(CONFUSING, build_case([(0, 1, 0.75, 20)]), tmp_path / "one.png")
    expected = "true $cat^{$, predicted dog_ 0.75\nIoU 0.33   0_"
    assert expected in texts and (tmp_path / "one.png").exists()


def texts_of_figures(monkeypatch):
    """A list that collects what is written into figures."""
    texts, original = [], Figure.text

    def text(self, x, y, s, **style):
        texts.append(s)
        return original(self, x, y, s, **style)

    monkeypatch.setattr(Figure, "text", text)
    return texts


def test_photo_that_is_gone_costs_its_pixels_and_no_more(tmp_path):
    class Gone:
        path_name = "gone.png"

        def load(self):
            raise FileNotFoundError("gone.png")

    photo = Photo(
        "gone", "set", Gone(), (Object(NAMES[0], (0, 0, 9, 9)),), width=90, height=30
    )
    found = measures.measure_localizations(
        Photos([photo], "set"), NAMES, np.array([[0.9, 0.1]]), np.zeros((1, 4))
    )
    draw_gallery(BEST, found, tmp_path / "best.png")
    assert (tmp_path / "best.png").exists()


def test_plots_draw_names_with_dollars_and_classes_without_photos(tmp_path):
    found = build_case(ROWS[:2])  # no dog
    figures = measures.summarize(found)
    assert figures["per_class"][NAMES[1]]["num_images"] == 0
    draw_per_class(figures, tmp_path / "per_class.png")
    counts = measures.count_confusions(found)
    draw_confusions(counts, NAMES, tmp_path / "confusions.png")
    for name in ("per_class", "confusions"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert min(picture.size) > 100


def test_confusion_matrix_writes_shares_of_the_row_and_counts(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    texts, original = {}, Axes.text

    def text(self, x, y, s, **style):
        texts[x, y] = s
        return original(self, x, y, s, **style)

    monkeypatch.setattr(Axes, "text", text)
    draw_confusions([[1, 3], [0, 5]], ("a", "b"), tmp_path / "confusions.png")
    # Column, row; an empty cell stays empty.
    assert texts == {(0, 0): "0.25\n1", (1, 0): "0.75\n3", (1, 1): "1.00\n5"}
