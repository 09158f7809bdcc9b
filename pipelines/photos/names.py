"""Names of photos, compared as people read them."""

import unicodedata


def same_name(name: str) -> str:
    """The form of a name in which equal-looking names are equal.

    macOS stores an accented letter as a letter and an accent (NFD), most other tools
    write one sign (NFC). Compare and look up names in this form; open files by the name
    that the folder gave.
    """
    return unicodedata.normalize("NFC", name)
