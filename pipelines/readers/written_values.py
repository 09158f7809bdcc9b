"""Values of annotations, whatever type the tool that wrote them gave them."""

import math
import re

_WHOLE_NUMBER = re.compile(r"[+-]?\d+(\.0*)?")
_FLAGS = {"": False, "false": False, "no": False, "true": True, "yes": True}


def number_of(value) -> float | None:
    """A number, also one in a text; None for anything else.

    One too large for a float is infinite, as it is in a text.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except ValueError:
        return None


def id_of(value) -> int | str | None:
    """An id by its value, so that `4`, `4.0`, `"4"` are one; None if it is none."""
    if isinstance(value, str):
        text = value.strip()
        if not _WHOLE_NUMBER.fullmatch(text):
            return text or None
        return int(text.partition(".")[0])
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def flag_of(value) -> bool | None:
    """Whether a flag is set, None (absent) being no; None for what is no flag."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in _FLAGS:
        return _FLAGS[value.strip().lower()]
    number = number_of(value)
    return None if number is None or math.isnan(number) else number != 0


def side_of(value) -> int | None:
    """Width or height of a photo in whole pixels, or None for what is none."""
    number = number_of(value)
    return int(number) if number is not None and 1 <= number < 2**31 else None
