"""What `ssl_voc.evaluate` knows before it loads anything."""

import subprocess
import sys

import pytest

from ssl_voc.evaluate import EvaluateConfig
from ssl_voc.evaluate.run import EvaluationRun
from ssl_voc.evaluate.tasks import evaluation_of
from ssl_voc.runs import finished_run
from ssl_voc.tasks import TASKS
from tests.conftest import REPOSITORY
from tests.evaluate.oracle import write_run, write_tree


@pytest.fixture
def tree(tmp_path):
    return write_tree(tmp_path / "tree")


@pytest.fixture
def run(tmp_path, tree):
    return write_run(tmp_path / "run", tree)


def test_mistaken_run_is_told_without_waiting_for_a_framework(tmp_path):
    script = (
        "import sys\n"
        "from ssl_voc import evaluate\n"
        f"assert evaluate.main([{str(tmp_path / 'no')!r}]) == 2\n"
        "sys.exit(' '.join({'keras', 'tensorflow'} & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("error: RUN: there is no folder")


def test_every_task_has_its_evaluation():
    for task in TASKS.values():
        evaluation = evaluation_of(task)
        assert issubclass(evaluation, EvaluationRun) and evaluation.main_measure


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ({"split": "val"}, "evaluation-val"),
        ({"split": "test[:50%]"}, "evaluation-test_50_"),
        ({"data": ("photos/other.json",)}, "evaluation-other"),
    ],
)
def test_default_folder_is_named_after_the_photos(run, flags, name):
    finished = finished_run.read_finished_run(run)
    assert EvaluateConfig(run=run, **flags).resolved(finished).out == run / name
