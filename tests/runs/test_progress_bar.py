"""Progress bar of a preparation."""

import io
import re

import pytest

from ssl_voc.runs.progress_bar import format_duration, progress_bar
from tests.terminal import Terminal


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0s"), (59.4, "59s"), (59.6, "1:00"), (312, "5:12"), (3912, "1:05:12")],
)
def test_duration_is_short(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("stream", "shown"),
    [
        (io.StringIO(), "^reading photos: 5 photos\n$"),
        (Terminal(), r"reading photos: 100%\|.*\| 5/5"),
    ],
)
def test_preparation_is_a_line_in_a_log_and_a_bar_in_a_terminal(stream, shown):
    progress = progress_bar("reading photos", stream=stream)
    for done in (2, 5):
        progress(done, 5)
    assert re.search(shown, stream.getvalue())
