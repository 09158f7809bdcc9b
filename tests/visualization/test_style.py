import pytest

from ssl_voc.visualization.fonts import load_font
from ssl_voc.visualization.style import fit_text, shorten


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat", "cat"),
        ("two\nlines\u202e\x00", "two lines"),
        ("caf\udce9 au  lait", "caf au lait"),
        ("a name of very many letters", "a name of very many let…"),
    ],
)
def test_shortened_text_is_one_printable_line(text, expected):
    assert shorten(text) == expected


def test_text_is_cut_to_a_width_and_keeps_its_ending():
    font = load_font(20)
    assert fit_text("cat", font, 200, " 0.87") == "cat 0.87"
    fitted = fit_text("a name of very many letters", font, 150, " 0.87")
    assert fitted.endswith("… 0.87") and 100 < font.getlength(fitted) <= 150
    assert fit_text("", font, 150) == ""
