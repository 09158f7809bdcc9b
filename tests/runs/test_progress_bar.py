"""Progress bar of a preparation."""

import io
import re

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
