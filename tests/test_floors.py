"""The house of CONTRIBUTING.md: which module may import which, read from the source."""

import ast
import pathlib

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
PACKAGES = ("pipelines", "ssl_voc")
MOST_LINES = 300
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
COMMANDS = 6
# Rooms of `ssl_voc`. What lies at its top and is not named here is a command.
FLOORS = {
    "boxes": 1,
    "similarity": 1,
    "distributed": 1,
    "runs": 1,
    "losses": 2,
    "metrics": 2,
    "optimizers": 2,
    "layers": 3,
    "models": 4,
    "callbacks": 5,
    "heat_maps": 5,
    "serving": 5,
}


def find_violations(root):
    """Reads every module under `root` and describes each broken rule in one line."""
    files = [file for name in PACKAGES for file in sorted((root / name).rglob("*.py"))]
    modules = {".".join(_dotted(file.relative_to(root))): file for file in files}
    stems = {name.rpartition(".")[2] for name in modules}
    violations = []
    for module, file in modules.items():
        text = file.read_text(encoding="utf-8")
        tree = ast.parse(text)
        is_package = file.name == "__init__.py"
        for line, target in _imports(tree, module, is_package, modules):
            reason = _forbidden(module, target)
            if reason:
                violations.append(f"{module}:{line} imports {target}: {reason}")
        if len(text.splitlines()) > MOST_LINES:
            violations.append(f"{module}: more than {MOST_LINES} lines")
        if module.rpartition(".")[2] in FORBIDDEN_NAMES:
            violations.append(f"{module}: a name that says nothing")
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef) or node.name not in stems:
                continue
            # A command's function has its command's name: `pretrain.pretrain(config)`.
            if module != f"ssl_voc.{node.name}" or _floor(module) < COMMANDS:
                violations.append(f"{module}: {node.name} is a function and a module")
    return violations


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
    if package == "keras_cv" and module != "ssl_voc.models.detector":
        return "keras_cv belongs into ssl_voc.models.detector alone"
    if module.partition(".")[0] == "pipelines":
        if package == "ssl_voc":
            return "pipelines knows nothing of ssl_voc"
        return "pipelines knows nothing of keras" if package == "keras" else None
    if package == "pipelines" and _floor(module) < COMMANDS:
        return "only a command reads data"
    if package != "ssl_voc" or _room(module) == _room(target):
        return None
    above, below = _floor(module), _floor(target)
    if above < below:
        return f"floor {above} stands below floor {below}"
    if above == below and above < COMMANDS:
        return f"two rooms of floor {above}"
    return None


def _room(module):
    """The part below `ssl_voc`; the package itself, its front door, is ``."""
    return module.split(".")[1] if "." in module else ""


def _floor(module):
    return FLOORS.get(_room(module), COMMANDS)


def test_no_module_of_this_repository_breaks_a_rule():
    violations = find_violations(REPOSITORY)
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("ssl_voc/layers/crop.py", "import ssl_voc.models.tower", "stands below"),
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
        ("ssl_voc/losses/a.py", "import ssl_voc.metrics", "two rooms of floor 2"),
        ("ssl_voc/similarity.py", "import ssl_voc.runs", "two rooms of floor 1"),
        ("ssl_voc/models/tower.py", "import pipelines", "only a command"),
        ("ssl_voc/models/tower.py", "from pipelines import read", "only a command"),
        ("pipelines/voc.py", "def f():\n    import ssl_voc", "nothing of ssl_voc"),
        ("pipelines/voc.py", "from keras import ops", "nothing of keras"),
        ("ssl_voc/models/tower.py", "import keras_cv", "detector alone"),
        ("ssl_voc/pretrain.py", "import keras_cv.layers", "detector alone"),
        ("ssl_voc/layers/utils.py", "", "says nothing"),
        ("pipelines/helpers.py", "", "says nothing"),
        ("ssl_voc/layers/crop.py", "def tower(): ...", "a function and a module"),
        ("ssl_voc/boxes.py", "def boxes(): ...", "a function and a module"),
        ("ssl_voc/study.py", "def pretrain(): ...", "a function and a module"),
        ("ssl_voc/layers/crop.py", "x = 1\n" * 301, "more than 300 lines"),
    ],
)
def test_broken_rule_is_found(tmp_path, file, text, complaint):
    _build_house(tmp_path, {file: text})
    violations = find_violations(tmp_path)
    assert len(violations) == 1
    assert complaint in violations[0]


def test_arrows_down_and_within_a_room_are_free(tmp_path):
    _build_house(
        tmp_path,
        {
            "ssl_voc/__init__.py": "from ssl_voc.models.tower import build",
            "ssl_voc/layers/crop.py": "from ssl_voc.layers import flip",
            "ssl_voc/layers/flip.py": "from ssl_voc import similarity\nimport keras",
            "ssl_voc/models/detector.py": "import keras_cv\nfrom ..layers import crop",
            "ssl_voc/pretrain.py": "import pipelines\nfrom ssl_voc import models",
            "ssl_voc/study.py": "from ssl_voc import pretrain\ndef study(): ...",
            "pipelines/voc.py": "from pipelines import coco\nimport tensorflow",
            "pipelines/coco.py": "x = 1\n" * 300,
        },
    )
    assert find_violations(tmp_path) == []


def _build_house(root, files):
    house = {
        "ssl_voc/__init__.py": "",
        "ssl_voc/similarity.py": "",
        "ssl_voc/models/__init__.py": "",
        "ssl_voc/models/tower.py": "def build(): ...",
        "ssl_voc/pretrain.py": "",
    }
    for name, text in (house | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
