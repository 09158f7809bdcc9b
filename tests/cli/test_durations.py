"""Durations as they are typed and told."""

import pytest

from ssl_voc.cli.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("40m", 2400), ("1h30m", 5400), ("0.5h", 1800)]
)
def test_durations_are_read(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "40", "m", "40 m", "-3m", "0m", "1d", "1h 2m"])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="--time"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0s"), (59.4, "59s"), (59.6, "1:00"), (312, "5:12"), (3912, "1:05:12")],
)
def test_duration_is_short(seconds, text):
    assert format_duration(seconds) == text
