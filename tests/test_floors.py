"""The import rules of docs/architecture.md, read from the source."""

import ast
import graphlib
import re
import subprocess
import sys
import tokenize

import pytest

from tests.interpreters import REPOSITORY

PACKAGES = ("pipelines", "ssl_voc")
MOST_LINES = 400  # of code: docstrings, comments and blank lines are not counted
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
TOP = {"__init__", "__main__", "boxes", "similarity", "distributed", "devices"}
# Rooms of `pipelines` and of `ssl_voc`; an import goes to a lower floor or stays in its
# room. The front doors `pipelines` and `ssl_voc` stand above all of theirs.
PIPELINE_FLOORS = {
    "photos": 1,
    "images": 2,
    "cache": 3,
    "scenes": 4,
    "readers": 5,
    "pools": 6,
    "reports": 7,
}
FLOORS = {
    "boxes": 1,
    "similarity": 1,
    "distributed": 1,
    "devices": 1,
    "backbone_families": 1,
    "cli": 1,
    "serving_client": 1,
    "losses": 2,
    "metrics": 2,
    "optimizers": 2,
    "runs": 2,
    "layers": 3,
    "visualization": 3,
    "models": 4,
    "callbacks": 5,
    "heat_maps": 5,
    "serving": 5,
    "data_page": 6,
    "tasks": 6,
    "training": 6,
    "pretrain": 7,
    "finetune": 7,
    "predict": 7,
    "inspect": 7,
    "evaluate": 8,
    "compare": 9,
    "explain": 9,
    "export": 9,
    "study": 10,
}
FLOORS_OF = {"pipelines": PIPELINE_FLOORS, "ssl_voc": FLOORS}
FRONT_DOOR = 11
# Also in the text of a program that a test runs.
TEST_MODULE = re.compile(
    r"\btests\.(?:\w+\.)*test_\w+"
    r"|^\s*from (?:tests\b|\.)[\w.]* import\b[^\n(]*(?:\([^)]*)?\btest_\w+",
    re.MULTILINE,
)
MAY_READ_DATA = {
    "training",
    "visualization",
    "pretrain",
    "finetune",
    "evaluate",
    "explain",
    "export",
    "predict",
    "inspect",
    "study",
    "data_page",
}


def find_violations(root):
    """Reads every module under `root` and describes each broken rule in one line."""
    files = [file for name in PACKAGES for file in sorted((root / name).rglob("*.py"))]
    modules = {".".join(_dotted(file.relative_to(root))): file for file in files}
    violations, arrows = [], {}
    for module, file in modules.items():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        arrows[module] = set()
        is_package = file.name == "__init__.py"
        for line, target in _imports(tree, module, is_package, modules):
            reason = _forbidden(module, target)
            if reason:
                violations.append(f"{module}:{line} imports {target}: {reason}")
            arrows[module].add(_nearest(target, modules))
        if _count_code(file, tree) > MOST_LINES:
            violations.append(f"{module}: more than {MOST_LINES} lines of code")
        if module.rpartition(".")[2] in FORBIDDEN_NAMES:
            violations.append(f"{module}: a name that says nothing")
        if file.parent == root / "ssl_voc" and file.stem not in TOP:
            violations.append(f"{module}: does not belong to the top of ssl_voc")
        package, *rooms, _ = file.relative_to(root).parts
        if rooms and rooms[0] not in FLOORS_OF[package]:
            violations.append(f"{module}: its room has no floor")
    return violations + _circles(arrows)


def find_imports_of_tests(root):
    """Modules under `root` that name a test module as an import does."""
    return [
        str(file.relative_to(root))
        for file in sorted(root.rglob("*.py"))
        if TEST_MODULE.search(file.read_text(encoding="utf-8"))
    ]


def _circles(arrows):
    """The first circle of imports, those inside functions included."""
    graph = {
        module: {target for target in targets if target and target != module}
        for module, targets in arrows.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [f"circle: {' <- '.join(error.args[1])}"]
    return []


def _nearest(target, modules):
    """The module of the repository that a dotted name lies in, if any."""
    while target not in modules and "." in target:
        target = target.rpartition(".")[0]
    return target if target in modules else None


def _count_code(file, tree):
    """Lines that hold code: no docstring, comment or blank line."""
    docstrings = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                docstrings.update(range(value.lineno, value.end_lineno + 1))
    silent = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
    lines = set()
    with file.open("rb") as stream:
        for token in tokenize.tokenize(stream.readline):
            if token.type not in silent:
                lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def _dotted(path):
    parts = path.with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def _imports(tree, module, is_package, modules):
    """Yields (line, dotted name) of every import, those inside functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                # `from ssl_voc import layers` reaches the room, not the front door.
                yield node.lineno, inner if _is_module(inner, modules) else base
        elif isinstance(node, ast.Call):
            yield from _dynamic_import(node)


def _absolute(node, module, is_package):
    if not node.level:
        return node.module
    parts = module.split(".") + ["__init__"] * is_package
    base = parts[: -node.level]
    return ".".join(base + [node.module] * bool(node.module))


def _is_module(name, modules):
    return any(known == name or known.startswith(name + ".") for known in modules)


def _dynamic_import(node):
    name = ast.unparse(node.func)
    if name not in ("importlib.import_module", "import_module", "__import__"):
        return
    if node.args and isinstance(node.args[0], ast.Constant):
        yield node.lineno, node.args[0].value


def _forbidden(module, target):
    """Says why `module` may not import `target`; `None` if it may."""
    package = target.partition(".")[0]
    if package == "keras_cv" and module != "ssl_voc.models.backbones":
        return "keras_cv belongs into ssl_voc.models.backbones alone"
    if module.partition(".")[0] == "pipelines":
        if package in ("ssl_voc", "keras"):
            return f"pipelines knows nothing of {package}"
        return _wrong_floor(module, target) if package == "pipelines" else None
    if package == "pipelines" and _room(module) not in MAY_READ_DATA:
        return "only commands, training and visualization read data"
    return _wrong_floor(module, target) if package == "ssl_voc" else None


def _wrong_floor(module, target):
    """Says why an import goes up or sideways in its package; `None` if it does not."""
    if _room(module) == _room(target):
        return None
    above, below = _floor(module), _floor(target)
    if above < below:
        return f"floor {above} stands below floor {below}"
    if above == below:
        return f"two rooms of floor {above}"
    return None


def _room(module):
    """The part below a package; the package itself, its front door, is ``."""
    room = module.split(".")[1] if "." in module else ""
    return "" if room == "__main__" else room


def _floor(module):
    return FLOORS_OF[module.partition(".")[0]].get(_room(module), FRONT_DOOR)


def test_no_module_of_this_repository_breaks_a_rule():
    violations = find_violations(REPOSITORY)
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("ssl_voc/layers/crop.py", "import ssl_voc.models.tower", "stands below"),
        ("pipelines/photos/a.py", "from pipelines.pools import pool", "stands below"),
        ("ssl_voc/layers/crop.py", "from ssl_voc.models import tower", "stands below"),
        ("ssl_voc/layers/crop.py", "from ssl_voc import models", "stands below"),
        ("ssl_voc/layers/crop.py", "from ..models import tower", "stands below"),
        ("ssl_voc/layers/__init__.py", "from ..models import tower", "stands below"),
        ("ssl_voc/layers/crop.py", "from ssl_voc import tower", "stands below"),
        ("ssl_voc/layers/crop.py", "import ssl_voc", "stands below"),
        (
            "ssl_voc/layers/crop.py",
            "def call():\n    from ssl_voc.models import tower",
            "stands below",
        ),
        (
            "ssl_voc/layers/crop.py",
            "import importlib\nimportlib.import_module('ssl_voc.models.tower')",
            "stands below",
        ),
        ("ssl_voc/callbacks/stop.py", "import ssl_voc.pretrain", "stands below"),
        ("ssl_voc/evaluate/run.py", "import ssl_voc.explain", "stands below"),
        ("ssl_voc/finetune/run.py", "import ssl_voc.pretrain", "two rooms of floor 7"),
        ("ssl_voc/losses/a.py", "import ssl_voc.metrics", "two rooms of floor 2"),
        ("ssl_voc/similarity.py", "import ssl_voc.cli", "two rooms of floor 1"),
        ("ssl_voc/models/tower.py", "import pipelines", "read data"),
        ("ssl_voc/models/tower.py", "from pipelines import read", "read data"),
        ("pipelines/voc.py", "def f():\n    import ssl_voc", "nothing of ssl_voc"),
        ("pipelines/voc.py", "from keras import ops", "nothing of keras"),
        ("ssl_voc/models/tower.py", "import keras_cv", "backbones alone"),
        ("ssl_voc/pretrain/run.py", "import keras_cv.layers", "backbones alone"),
        ("ssl_voc/layers/utils.py", "", "says nothing"),
        ("pipelines/helpers.py", "", "says nothing"),
        ("ssl_voc/lesson.py", "", "does not belong to the top"),
        ("ssl_voc/lessons/first.py", "import ssl_voc.study", "room has no floor"),
        ("pipelines/lessons/first.py", "", "room has no floor"),
        ("ssl_voc/layers/crop.py", "x = 1\n" * 401, "more than 400 lines"),
        (
            "pipelines/readers/voc.py",
            "def read():\n    from pipelines.readers import voc_again",
            "circle",
        ),
    ],
)
def test_broken_rule_is_found(tmp_path, file, text, complaint):
    _build_house(tmp_path, {file: text})
    violations = find_violations(tmp_path)
    assert len(violations) == 1
    assert complaint in violations[0]


def test_arrows_down_and_within_a_room_are_free(tmp_path):
    code = '"""A."""\n\n# b\n' + "x = 1\n" * 400
    _build_house(
        tmp_path,
        {
            "ssl_voc/__init__.py": "from ssl_voc.models.tower import build",
            "ssl_voc/layers/crop.py": "from ssl_voc.layers import flip",
            "ssl_voc/layers/flip.py": "from ssl_voc import similarity\nimport keras",
            "ssl_voc/models/backbones.py": "import keras_cv\nfrom ..layers import crop",
            "ssl_voc/pretrain/run.py": "import pipelines\nfrom ssl_voc import models",
            "ssl_voc/evaluate/run.py": "from ssl_voc.finetune import run",
            "ssl_voc/finetune/run.py": "def finetune(): ...",
            "pipelines/coco.py": code,
        },
    )
    assert find_violations(tmp_path) == []


def test_what_tests_share_lies_in_no_test_module():
    assert find_imports_of_tests(REPOSITORY / "tests") == []


@pytest.mark.parametrize(
    "text",
    [
        "from tests.layers.{} import draw",
        "def f():\n    import tests.{}",
        "from tests.layers import crops, {}",
        "from tests.layers import (\n    crops,\n    {},\n)",
        "from . import {}",
        "PROGRAM = '''\nfrom tests.layers.{} import draw\n'''",
        "importlib.import_module('tests.layers.{}')",
    ],
)
def test_import_of_a_test_module_is_found(tmp_path, text):
    (tmp_path / "flips.py").write_text("from tests.layers import crops\n")
    (tmp_path / "crops.py").write_text(text.format("test_crop"))
    assert find_imports_of_tests(tmp_path) == ["crops.py"]


def test_linter_sees_every_python_file_of_the_repository():
    """An exclusion of `runs` once hid `ssl_voc/runs` from lint and format."""
    ruff = [sys.executable, "-m", "ruff", "check", "--show-files", str(REPOSITORY)]
    seen = subprocess.run(ruff, capture_output=True, text=True, check=True)
    git = ["git", "-C", str(REPOSITORY), "ls-files", "*.py"]
    tracked = subprocess.run(git, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout: what is tracked is not known")
    missing = {
        name
        for name in tracked.stdout.splitlines()
        if (REPOSITORY / name).is_file()
        and str(REPOSITORY / name) not in seen.stdout.splitlines()
    }
    assert not missing
    assert "ssl_voc/runs/run_folder.py" in tracked.stdout.splitlines()


def _build_house(root, files):
    house = {
        "ssl_voc/__init__.py": "",
        "ssl_voc/similarity.py": "",
        "ssl_voc/models/__init__.py": "",
        "ssl_voc/models/tower.py": "def build(): ...",
        "ssl_voc/pretrain/__init__.py": "",
        "pipelines/readers/voc_again.py": "from pipelines.readers import voc",
    }
    for name, text in (house | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
