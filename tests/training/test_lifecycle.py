"""Reasons that end a training early."""

import re

import pytest

from ssl_voc.training import lifecycle


class ResourceExhaustedError(Exception):
    """As TensorFlow calls it, which these tests need not have."""


@pytest.mark.parametrize(
    ("error", "failure", "reason"),
    [
        (OSError(28, "No space left", "a/b"), None, "No space left.*'a/b'"),
        (ResourceExhaustedError("OOM"), None, "memory is full.*--batch-size"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of"), None, "memory is full"),
        (MemoryError(), None, "memory is full"),
        (RuntimeError("pipeline"), ValueError("a.jpg is gone"), "^a.jpg is gone$"),
    ],
)
def test_what_neither_person_nor_program_did_is_told(error, failure, reason):
    assert re.search(reason, lifecycle.stop_reason(error, failure))


@pytest.mark.parametrize("error", [ValueError("shape"), KeyError("loss")])
def test_a_defect_is_no_reason(error):
    assert lifecycle.stop_reason(error) is None
