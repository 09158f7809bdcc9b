"""Environment in a manifest."""

import importlib.metadata
import json
import platform
import subprocess
import sys

import keras
import pytest

from ssl_voc.runs import environment
from ssl_voc.runs.instruction_sets import instruction_sets


def test_software_has_versions_and_compute_a_backend_and_devices():
    software = environment.describe_software()
    assert software["python"] == platform.python_version()
    assert software["packages"]["keras"] == importlib.metadata.version("keras")
    compute = environment.describe_compute()
    assert compute["backend"] == keras.backend.backend()
    assert compute["devices"]
    assert compute["cpu_count"] >= 1
    assert compute["instruction_sets"] == [*instruction_sets()]


def test_looking_loads_no_backend():
    script = (
        "import json, sys\n"
        "from ssl_voc.runs import environment\n"
        "environment.describe_software()\n"
        "compute = environment.describe_compute()\n"
        "loaded = [n for n in ('keras', 'tensorflow', 'jax') if n in sys.modules]\n"
        "print(json.dumps([compute, loaded]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [{}, []]


@pytest.mark.parametrize("folder", ["", "site-packages"])
def test_commit_is_that_of_our_own_checkout_alone(tmp_path, monkeypatch, folder):
    def git(*arguments):
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True)

    source = tmp_path / folder / "ssl_voc" / "runs" / "environment.py"
    source.parent.mkdir(parents=True)
    source.write_text("1")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "first", "--no-verify")
    git("tag", "--annotate", "--message", "first", "v1")
    monkeypatch.setattr(environment, "__file__", str(source))
    clean = environment.describe_software()["git_commit"]
    if folder:  # an installed copy, in a repository around it
        assert clean is None
        return
    assert len(clean) == 40
    source.write_text("2")
    assert environment.describe_software()["git_commit"] == clean + "+"
