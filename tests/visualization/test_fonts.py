"""Names in any script are shown, or stand-ins that are told apart."""

import warnings

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image

from ssl_voc.visualization import fonts
from ssl_voc.visualization.box_outlines import BoxOutline, BoxStyle, draw_boxes
from ssl_voc.visualization.charts import draw_bars, draw_matrix
from ssl_voc.visualization.contact_sheet import Tile, draw_contact_sheet
from ssl_voc.visualization.fonts import drawable_name, font_path, load_font

NAMES = [
    "翘头剪",
    "止血钳",
    "$5 bill",
    "$10 bill",
    "a/b, c",
    "مقص",
    "cat 😺",
    "кот",
    "犬 1",
]


@pytest.fixture
def on_the_system(monkeypatch):
    """Returns `on_the_system(*paths)`: from then on these are the system's fonts."""

    def on_the_system(*paths):
        monkeypatch.setattr(fonts, "_system_fonts", lambda: list(map(str, paths)))
        for cached in (fonts.font_path, fonts.load_font, fonts._face):
            cached.cache_clear()

    yield on_the_system
    for cached in (fonts.font_path, fonts.load_font, fonts._face):
        cached.cache_clear()


@pytest.fixture
def chinese(tmp_path):
    """A font of squares for digits, a blank and four Chinese characters."""
    signs = " 0123456789翘头剪犬"
    pen = TTGlyphPen(None)
    for move, corner in zip(
        (pen.moveTo, pen.lineTo, pen.lineTo, pen.lineTo),
        ((100, 0), (100, 700), (800, 700), (800, 0)),
        strict=True,
    ):
        move(corner)
    pen.closePath()
    square, empty = pen.glyph(), TTGlyphPen(None).glyph()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", "blank", "square"])
    builder.setupCharacterMap(
        {ord(s): "blank" if s == " " else "square" for s in signs}
    )
    builder.setupGlyf({".notdef": empty, "blank": empty, "square": square})
    builder.setupHorizontalMetrics(
        {name: (900, 0) for name in (".notdef", "blank", "square")}
    )
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(tmp_path / "Squares-Regular.ttf")
    return tmp_path / "Squares-Regular.ttf"


def test_without_a_font_names_are_numbered_and_told_apart(on_the_system):
    on_the_system()
    drawn = [drawable_name(name, number) for number, name in enumerate(NAMES)]
    assert drawn[:5] == ["class 0", "class 1", "$5 bill", "$10 bill", "a/b, c"]
    # DejaVu Sans has Arabic, Cyrillic and some of the smileys.
    assert drawn[5:] == ["مقص", "cat 😺", "кот", "class 8 (1)"]
    assert len({*drawn}) == len(NAMES)


def test_a_font_on_the_system_that_has_a_name_is_taken(
    on_the_system, chinese, tmp_path
):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    on_the_system(tmp_path / "broken.ttf", chinese)
    assert drawable_name("翘头剪", 0) == "翘头剪"
    assert drawable_name("犬 1", 8) == "犬 1"
    assert drawable_name("止血钳", 1) == "class 1"
    assert font_path("翘头") == str(chinese) == load_font(12, text="翘头").path
    assert font_path("cat").endswith("DejaVuSans.ttf")
    assert font_path("cat", bold=True).endswith("DejaVuSans-Bold.ttf")


def test_a_label_is_drawn_by_the_font_that_has_its_name(on_the_system, chinese):
    """Squares are red; without the font there would be an empty frame each."""
    on_the_system(chinese)
    style = BoxStyle("box", (255, 255, 255))
    image = Image.new("RGB", (120, 120), (0, 0, 255))
    draw_boxes(image, [BoxOutline(np.array([4, 60, 116, 110]), style, "翘头剪")])
    ink = (np.asarray(image)[40:60] == 0).all(axis=-1)
    # Full squares of at least 5 x 5 pixels, which no letter's outline has.
    assert any(
        ink[y : y + 5, x : x + 5].all()
        for y in range(ink.shape[0] - 4)
        for x in range(ink.shape[1] - 4)
    )


@pytest.mark.parametrize("installed", [True, False])
def test_pictures_of_any_names_are_drawn_without_a_warning(
    installed, on_the_system, chinese, tmp_path, capfd
):
    on_the_system(*[chinese] * installed)
    row = {"ap": 0.5, "ap_ci": (0.4, 0.6), "num_objects": 3}
    figures = {"ap": 0.5, "per_class": {name: row for name in NAMES}}
    counts = np.eye(len(NAMES), dtype=int)
    style = BoxStyle("wahr 真", (255, 0, 0))
    tile = Tile(np.zeros((60, 90, 3), "uint8"), "图片 37\n$x_1$ and $y$")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_bars(figures, {"ap": "AP"}, tmp_path / "a.png", "num_objects", "n", "all")
        draw_matrix(counts, NAMES, NAMES, tmp_path / "b.png", "title", "objects")
        draw_contact_sheet(tmp_path / "c.png", [("图", [tile])], 2, "题", [style])
    for name in "abc":
        assert (tmp_path / f"{name}.png").stat().st_size > 1000
    assert capfd.readouterr().err == ""


def test_dollars_in_tick_labels_start_no_formula(on_the_system, tmp_path, monkeypatch):
    on_the_system()
    drawn = []
    monkeypatch.setattr(
        "ssl_voc.visualization.charts.save_figure",
        lambda figure, path: drawn.append(figure),
    )
    draw_matrix(np.eye(2), ["$5 bill$", "$10_x$"], ["$5 bill$", "b"], "a", "t", "u")
    labels = drawn[0].axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == ["$5 bill$ (1.0)", "$10_x$ (1.0)"]
    assert not any(label.get_parse_math() for label in labels)
