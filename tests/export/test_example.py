"""Example script of an export, run as its first lines say."""

import re

import pytest

from tests.evaluate.oracle import NAMES, NUM_TRAIN
from tests.interpreters import run_python

pytestmark = pytest.mark.slow


def test_script_exports_a_run_and_asks_the_artifact(localizer_run, tree, tmp_path):
    printed = run_python(
        "tensorflow",
        "-m",
        "examples.export_from_script",
        localizer_run,
        tree / f"JPEGImages/p{NUM_TRAIN:02}.png",
        *("--out", tmp_path / "models/pets", "--data", tree, "--split", "val"),
    )
    found, difference = printed.strip().splitlines()[-2:]
    assert re.fullmatch(
        rf"p08.png: ({'|'.join(NAMES)}) \(0\.\d\d\) at \d+ \d+ \d+ \d+", found
    )
    words = re.fullmatch(r"model and artifact differ by (\S+) px", difference)
    assert float(words[1]) < 1e-3
    assert (tmp_path / "models/pets/1/saved_model.pb").is_file()
