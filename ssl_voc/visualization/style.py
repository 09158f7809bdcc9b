"""Colors, resolution and label lengths of all pictures."""

INK = "#333333"
# Okabe and Ito's blue, and their vermilion for what is compared with.
BAR = "#0072B2"
MARK = "#D55E00"
DPI = 100
# Numbers in cells of a confusion matrix get too small to read beyond.
MOST_CLASSES_WITH_NUMBERS = 25
LONGEST_NAME = 24


def shorten(text, length):
    """The text on one line and cut to a number of characters."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"
