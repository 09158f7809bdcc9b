"""Durations as they are typed and told."""

import re

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str, flag: str = "--time") -> float:
    """Seconds of a duration such as `90s`, `40m`, `2h` or `1h30m`.

    Args:
        text: The duration.
        flag: What the message of an error calls it.

    Raises:
        ValueError: when it is none, or 0.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([smh])", text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if "".join(map("".join, parts)) != text or not seconds > 0.0:
        raise ValueError(f"{flag}: expected a duration such as 40m or 2h, got {text!r}")
    return seconds


def format_duration(seconds: float) -> str:
    """Writes seconds as `42s`, `5:12` (minutes) or `1:05:12` (hours)."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds}s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
