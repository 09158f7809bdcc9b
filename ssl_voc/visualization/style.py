"""Colors, texts and png files of all pictures."""

import io
import unicodedata
import warnings

from ssl_voc.runs.atomic_files import replacing
from ssl_voc.visualization.fonts import set_fonts

INK = "#333333"
# Okabe and Ito's blue, and their vermilion for what is compared with.
BAR = "#0072B2"
MARK = "#D55E00"
# Okabe and Ito's colors without black, and three lighter ones: told apart by most eyes
# and on most photos.
COLORS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (0, 114, 178),
    (170, 221, 119),
    (255, 170, 170),
    (187, 187, 255),
)
DPI = 100
LONGEST_NAME = 24


def shorten(text, length=LONGEST_NAME):
    """The text on one line, without control characters, cut to a number of characters.

    Bytes of file names that are no text count as control characters.
    """
    text = "".join(
        " " if unicodedata.category(sign).startswith("C") else sign for sign in text
    )
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


def fit_text(text, font, width, ending=""):
    """The text and an ending, of which the text is cut until both fit.

    Args:
        text: One line.
        font: Of `load_font`.
        width: In pixels.
        ending: What is kept whole.
    """
    fitted = shorten(text, max(1, len(text)))
    for length in range(len(fitted), 0, -1):
        fitted = shorten(fitted, length)
        if font.getlength(fitted + ending) <= width:
            break
    return fitted + ending


def save_figure(figure, path):
    """Writes a matplotlib figure as png, replacing `path` at once."""
    set_fonts(figure)
    with replacing(path) as temporary, warnings.catch_warnings():
        # Of a file's name that no font on the system has all characters of.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(temporary, dpi=DPI, format="png")


def draw_svg(figure):
    """Draws a matplotlib figure as SVG, the same text for the same figure."""
    import matplotlib

    set_fonts(figure)
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "ssl_voc"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
