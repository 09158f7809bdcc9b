"""Fonts for names in any script: DejaVu Sans, or one on the system that has them."""

import functools
import unicodedata


def drawable_name(name: str, number: int) -> str:
    """The name of a class, or what stands for it where no font has its characters.

    Args:
        name: Of the class.
        number: Of the class, from 0; `class 3` is told from all others.
    """
    name = " ".join(visible(name).split())
    if not _missing(name, font_path(name)):
        return name
    lacking = _missing(name, _own_font(False))
    rest = "".join(sign for sign in name if sign not in lacking).strip()
    told = any(map(str.isalnum, rest))
    return f"class {number} ({rest})" if told else f"class {number}"


@functools.lru_cache(4096)
def font_path(text: str, bold: bool = False) -> str:
    """The font that has most of the characters of a text: a path.

    DejaVu Sans, which comes with matplotlib, has Latin, Greek, Cyrillic, Arabic and
    more; where it lacks some, the fonts on the system are looked at.
    """
    own = _own_font(bold)
    best, fewest = own, len(_missing(text, own))
    if not fewest:
        return own
    for path in _system_fonts():
        missing = len(_missing(text, path))
        if missing < fewest:
            best, fewest = path, missing
        if not fewest:
            break
    return best


@functools.lru_cache(256)
def load_font(size: int, bold: bool = False, text: str = ""):
    """A font for a text.

    Args:
        size: Of the letters, in pixels.
        bold: Whether letters are bold, where the font is DejaVu Sans.
        text: What is to be written.

    Returns:
        `PIL.ImageFont.FreeTypeFont`.
    """
    from PIL import ImageFont

    return ImageFont.truetype(font_path(text, bold), size)


def set_fonts(figure) -> None:
    """Gives the texts of a matplotlib figure fonts that have their characters."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.text import Text

    for artist in figure.findobj(Text):
        text = artist.get_text()
        path = font_path(text)
        if path != _own_font(False):
            size = artist.get_fontsize()
            artist.set_fontproperties(FontProperties(fname=path, size=size))


def _own_font(bold):
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return f"{matplotlib.get_data_path()}/fonts/ttf/{name}"


@functools.cache
def _system_fonts():
    """Paths of the fonts on the system, regular ones first."""
    from matplotlib.font_manager import findSystemFonts

    return sorted(findSystemFonts(), key=lambda path: ("Regular" not in path, path))


@functools.lru_cache(256)
def _face(path):
    """The font of a file, or None where it cannot be drawn with at any size."""
    from matplotlib.ft2font import FT2Font

    try:
        face = FT2Font(path)
    except (OSError, RuntimeError):
        return None
    return face if face.scalable else None


def _missing(text, path):
    """The visible characters of a text that a font lacks."""
    face, signs = _face(path), {sign for sign in visible(text) if not sign.isspace()}
    if face is None:
        return signs
    return {sign for sign in signs if not face.get_char_index(ord(sign))}


def visible(text):
    """The text without control characters and bytes that are no text."""
    return "".join(
        " " if unicodedata.category(sign).startswith("C") else sign for sign in text
    )
