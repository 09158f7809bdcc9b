"""The repository as a whole: what Git keeps, what is packaged, what is required."""

import configparser
import importlib.metadata
import re
import subprocess

import pytest

from tests.interpreters import REPOSITORY

# Folders of a person's machine; `~` and relative paths serve every reader.
PRIVATE_PATH = re.compile(r"(?<![\w.~])/(?:home|root|work|Users|workspace)/[\w.-]+")


def tracked_files():
    """Paths of the files that Git tracks."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a Git checkout")
    names = listing.stdout.decode().split("\0")
    return [REPOSITORY / name for name in names if name]


def text_of(path):
    """The file's text; empty for a binary or deleted file."""
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, FileNotFoundError):
        return ""


def test_no_tracked_file_names_a_folder_of_one_machine():
    found = {
        str(path.relative_to(REPOSITORY)): PRIVATE_PATH.findall(text_of(path))
        for path in tracked_files()
    }
    assert {name: paths for name, paths in found.items() if paths} == {}


def test_git_keeps_no_run_cache_or_weights():
    kept = [path.relative_to(REPOSITORY) for path in tracked_files()]
    heavy = (".keras", ".h5", ".npy", ".npz", ".whl", ".pyc")
    assert [str(path) for path in kept if path.suffix in heavy] == []
    assert [str(path) for path in kept if path.parts[0] in ("runs", ".venv")] == []


def test_top_level_is_the_one_agreed_upon():
    top = {path.relative_to(REPOSITORY).parts[0] for path in tracked_files()}
    agreed = {"requirements.txt", "setup.cfg", "ssl_voc", "pipelines", "saved_models"}
    beside = {"LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "tests", ".ci"}
    assert agreed | beside <= top
    extra = {"README.md", "pyproject.toml", "requirements-dev.txt", ".gitignore"}
    assert top <= agreed | beside | extra | {"docs", "examples", "benchmarks"}


def test_every_package_folder_is_packaged():
    config = configparser.ConfigParser()
    config.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    patterns = config["options.packages.find"]["include"].split()
    assert patterns == ["ssl_voc*", "pipelines*"]
    # setuptools passes over a folder of modules without `__init__.py`.
    bare = [
        str(path.parent.relative_to(REPOSITORY))
        for package in ("ssl_voc", "pipelines")
        for path in (REPOSITORY / package).rglob("*.py")
        if not (path.parent / "__init__.py").exists()
    ]
    assert bare == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_a_range_that_holds_the_installed_version(name):
    from packaging.requirements import Requirement

    lines = (REPOSITORY / name).read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith("#"):
            continue
        requirement = Requirement(line)
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators == {">=", "<"}, line
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            continue  # The code trains without tensorflow, and its tests run so.
        assert version in requirement.specifier, line
