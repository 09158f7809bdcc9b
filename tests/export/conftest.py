"""Finished runs to export, and the photos that they hold out."""

import pytest

from tests.evaluate.oracle import NAMES, SIDE, write_run, write_tree
from tests.serving.artifacts import build_small_localizer
from tests.tiny import build_plain_backbone


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    return write_tree(tmp_path_factory.mktemp("data") / "tree")


@pytest.fixture(scope="session")
def localizer_run(tmp_path_factory, tree):
    """The run `pets` of a small localizer; not to be written to."""
    model = build_small_localizer(
        build=lambda: build_plain_backbone(SIDE), num_classes=len(NAMES)
    )
    return write_run(tmp_path_factory.mktemp("runs") / "pets", tree, model)
