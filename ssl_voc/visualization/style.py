"""Colors, texts and png files of all pictures."""

import contextlib
import io
import warnings

from ssl_voc.runs.atomic_files import replacing
from ssl_voc.visualization.fonts import drawable_name, set_fonts, visible

INK = "#333333"
# A grey, and those of Okabe and Ito's colors that are dark enough for lines on white.
LINE_COLORS = (
    "#555555",
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
)
# Blue, and vermilion for what is compared with.
BAR, MARK = LINE_COLORS[1:3]
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
    text = " ".join(visible(text).split())
    return text if len(text) <= length else text[: length - 1] + "…"


def class_label(name, number, length=LONGEST_NAME):
    """The `drawable_name` of a class, cut to a number of characters."""
    return shorten(drawable_name(name, number), length)


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


def plain_axes(axes, grid="both"):
    """Gives axes a pale grid, and no frame above and at the right.

    Args:
        axes: Of matplotlib.
        grid: Axis whose ticks have lines: `"x"`, `"y"` or `"both"`.
    """
    axes.grid(axis=grid, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def save_figure(figure, path):
    """Writes a matplotlib figure as png, replacing `path` at once."""
    with _drawing(figure), replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format="png")


def draw_svg(figure):
    """Draws a matplotlib figure as SVG, the same text for the same figure."""
    import matplotlib

    buffer = io.StringIO()
    with _drawing(figure), matplotlib.rc_context({"svg.hashsalt": "ssl_voc"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


@contextlib.contextmanager
def _drawing(figure):
    """Draws by fonts that have most characters of the texts, without warnings."""
    set_fonts(figure)
    with warnings.catch_warnings():
        # Of a file's name that no font on the system has all characters of.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        yield
