"""Environment in a manifest."""

import importlib.metadata
import json
import platform
import subprocess
import sys

import keras

from ssl_voc.runs import environment


def test_software_is_named_with_its_versions():
    software = environment.describe_software()
    assert software["python"] == platform.python_version()
    assert software["packages"]["keras"] == importlib.metadata.version("keras")
    assert "ssl_voc_missing" not in software["packages"]


def test_compute_names_the_backend_in_use_and_a_device():
    compute = environment.describe_compute()
    assert compute["backend"] == keras.backend.backend()
    assert compute["devices"]
    assert compute["cpu_count"] >= 1


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


def git(folder, *arguments):
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True)


def commit_source(root, path):
    """Makes a repository in `root` that holds one source file at `path`."""
    path.parent.mkdir(parents=True)
    path.write_text("1")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "first", "--no-verify")


def test_repository_around_an_installed_copy_is_not_ours(tmp_path, monkeypatch):
    copy = tmp_path / "site-packages" / "ssl_voc" / "runs" / "environment.py"
    commit_source(tmp_path, copy)
    monkeypatch.setattr(environment, "__file__", str(copy))
    assert environment.describe_software()["git_commit"] is None


def test_changed_checkout_is_marked(tmp_path, monkeypatch):
    source = tmp_path / "ssl_voc" / "runs" / "environment.py"
    commit_source(tmp_path, source)
    monkeypatch.setattr(environment, "__file__", str(source))
    clean = environment.describe_software()["git_commit"]
    assert len(clean) == 40
    source.write_text("2")
    assert environment.describe_software()["git_commit"] == clean + "+"
