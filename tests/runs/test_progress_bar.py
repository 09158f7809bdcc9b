"""Progress bar of a preparation."""

import io
import re
import types

import pytest

from ssl_voc.runs.progress_bar import progress_bar
from tests.terminal import Terminal


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


def test_log_gets_a_line_with_the_time_left_now_and_then(monkeypatch):
    seconds = iter((0, 40, 41, 80, 90))
    clock = types.SimpleNamespace(monotonic=lambda: next(seconds))
    monkeypatch.setattr("ssl_voc.runs.progress_bar.time", clock)
    stream = io.StringIO()
    progress = progress_bar("reading photos", stream=stream)
    for done in (2, 3, 4, 8):
        progress(done, 8)
    # The first two were slow to begin with; two took 40 s: the other four take 80 s.
    assert stream.getvalue().splitlines() == [
        "reading photos: 2/8 photos",
        "reading photos: 4/8 photos, 1:20 left",
        "reading photos: 8 photos",
    ]
