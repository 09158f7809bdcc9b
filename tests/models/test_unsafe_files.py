"""Model files with code inside: refused by every command, and the code never runs."""

import json
import sys
import zipfile

import keras
import numpy as np
import pytest

from ssl_voc import evaluate, explain, export, finetune, predict, pretrain
from ssl_voc.models import load_model
from ssl_voc.models.loading import UnsafeModel
from tests import tiny
from tests.evaluate.oracle import write_run

TRAP_MODULE = "module_that_nobody_imports"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Photos and a run, whose model each test replaces."""
    place = tmp_path_factory.mktemp("unsafe")
    tree = tiny.write_voc(place / "voc", num_train=6, num_val=3)
    for name in ("run", "sound"):
        model = tiny.build_localizer(build=lambda: tiny.build_plain_backbone(48))
        write_run(place / name, tree, model, names=(*tiny.COLORS,))
    tiny.save_backbone(place / "backbone.keras")
    return place


def save_lambda(path, trap):
    """A backbone with a Lambda that writes the file `trap` where it is called."""
    inputs = keras.Input((32, 32, 3))
    code = eval(f"lambda x: (open({str(trap)!r}, 'w').close(), x)[1]")
    x = keras.layers.Lambda(code)(inputs)
    keras.Model(inputs, keras.layers.Conv2D(4, 3)(x)).save(path)
    trap.unlink()  # of the call above


def save_foreign(path, trap, kind):
    """A backbone with a layer, or a layer's function, of a module outside of Keras."""
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="changed")(inputs)
    keras.Model(inputs, x).save(path)
    (trap.parent / f"{TRAP_MODULE}.py").write_text(
        f"open({str(trap)!r}, 'w').close()\nclass Layer: pass\ndef function(x): ...\n"
    )
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(files["config.json"])
    (layer,) = (x for x in config["config"]["layers"] if x["name"] == "changed")
    other = {"module": TRAP_MODULE, "registered_name": None}
    if kind == "Layer":
        layer |= {**other, "class_name": kind}
    else:
        function = {**other, "class_name": "function", "config": kind}
        layer["config"]["activation"] = function
    files["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


@pytest.fixture
def unsafe(tmp_path):
    """A file with a Lambda, and the file that this would write."""
    path, trap = tmp_path / "unsafe.keras", tmp_path / "trap"
    save_lambda(path, trap)
    return path, trap


def test_the_trap_is_sprung_where_code_is_allowed(unsafe):
    path, trap = unsafe
    keras.models.load_model(path, safe_mode=False)(np.zeros((1, 32, 32, 3)))
    assert trap.exists()


COMMANDS = {
    "pretrain --backbone": (pretrain, "--data {voc} --backbone {file} --out {out}"),
    "pretrain --weights": (
        pretrain,
        "--data {voc} --weights {file} --backbone {backbone} --out {out}",
    ),
    "finetune --backbone": (
        finetune,
        "--task localize --data {voc} --backbone {file} --out {out} --image-size 32",
    ),
    "finetune --weights": (
        finetune,
        "--task localize --data {voc} --weights {file} --backbone {backbone} "
        "--out {out} --image-size 32",
    ),
    "evaluate": (evaluate, "{run} --split val --out {out}"),
    "explain": (explain, "{run} --split val --out {out}"),
    "explain --baseline": (
        explain,
        "{sound} --baseline {run} --split val --out {out}",
    ),
    "export": (export, "{run} --data {voc} --split val --out {out}"),
    "predict": (predict, "{voc}/JPEGImages --model {run} --out {out}"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_runs_what_is_in_a_file(name, unsafe, place, tmp_path, capsys):
    path, trap = unsafe
    (place / "run" / "model.keras").write_bytes(path.read_bytes())
    command, flags = COMMANDS[name]
    places = {"file": path, "out": tmp_path / "out"}
    places |= {each: place / each for each in ("voc", "run", "sound")}
    places["backbone"] = place / "backbone.keras"
    assert command.main([flag.format(**places) for flag in flags.split()]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("error: ") and "which is never run" in lines[-1]
    assert not any(line.startswith("error: ") for line in lines[:-1])
    assert not trap.exists()


@pytest.mark.parametrize("kind", ["Layer", "function"])
def test_no_module_is_imported_because_a_file_names_it(kind, tmp_path, monkeypatch):
    path, trap = tmp_path / "foreign.keras", tmp_path / "trap"
    save_foreign(path, trap, kind)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnsafeModel, match=f"names {TRAP_MODULE}.{kind}"):
        load_model(path)
    assert not trap.exists() and TRAP_MODULE not in sys.modules


@pytest.mark.parametrize("kind", ["TFSMLayer", "TorchModuleWrapper"])
def test_layers_of_keras_that_load_other_files_are_refused(tmp_path, kind):
    path = tmp_path / "backbone.keras"
    save_foreign(path, tmp_path / "trap", "Layer")
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json").decode()
    config = config.replace(TRAP_MODULE, "keras.layers").replace('"Layer"', f'"{kind}"')
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config)
    with pytest.raises(UnsafeModel, match=kind):
        load_model(path)


def test_what_a_script_allows_for_its_own_models_does_not_hold_here(unsafe):
    path, trap = unsafe
    keras.config.enable_unsafe_deserialization()
    try:
        with pytest.raises(UnsafeModel, match="never run"):
            load_model(path)
    finally:
        keras.src.backend.common.global_state.set_global_attribute(
            "safe_mode_saving", None
        )
    assert not trap.exists()


def test_classes_that_a_script_registered_are_loaded(tmp_path):
    @keras.saving.register_keras_serializable(package="script")
    class Twice(keras.layers.Layer):
        def call(self, x):
            return 2.0 * x

    model = keras.Sequential([keras.Input((2,)), Twice()])
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert (np.asarray(loaded(np.ones((1, 2)))) == 2.0).all()
