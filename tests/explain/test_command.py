"""`python -m ssl_voc.explain`, whole: what it measures, writes and refuses."""

import json

import numpy as np
import pytest
from PIL import Image

import pipelines
import ssl_voc
from ssl_voc.cli.errors import BadInput
from ssl_voc.explain import ExplainConfig, explain, main
from ssl_voc.explain.measures import summarize
from ssl_voc.explain.table import format_explanation
from ssl_voc.heat_maps import measure_map
from tests import tiny
from tests.evaluate.oracle import NAMES, NUM_VAL, SIDE, SIZES, write_run, write_tree

SETTINGS = {"split": "val", "num_perturbed": 2, "num_shown": 4}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_tree(tmp_path_factory.mktemp("data") / "tree")


def build(seed=0):
    return tiny.build_localizer(lambda: tiny.build_plain_backbone(SIDE), seed)


@pytest.fixture(scope="module")
def run(tree, tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "run", tree, build())


@pytest.fixture(scope="module")
def twin(tree, tmp_path_factory):
    """The same model in another folder."""
    return write_run(tmp_path_factory.mktemp("runs") / "twin", tree, build())


def read_rows(folder):
    return [*map(json.loads, (folder / "images.jsonl").read_text().splitlines())]


def test_figures_are_those_of_maps_made_by_hand(run, tree, tmp_path, capsys):
    out = tmp_path / "out"
    metrics = explain(ExplainConfig(run=run, out=out, batch_size=4, **SETTINGS))
    pool = pipelines.prepare_labeled(
        str(tree), SIDE, split="val", class_names=NAMES, main_object_only=True
    )
    batch = pool.gather(range(NUM_VAL))
    targets = batch["bounding_boxes"]
    classes = targets["classes"][:, 0].astype(int)
    model = build()
    maps = ssl_voc.grad_cam(model, batch["images"], classes)
    says = model.predict(batch["images"], verbose=0)["classes"][:, 0]
    rows = {row["image_id"]: row["run"] for row in read_rows(out)}
    assert len(rows) == NUM_VAL
    for index, photo in enumerate(pool.photos):
        width, height = SIZES[index % 2]
        heat = maps[index, : height // 2, : width // 2]  # without the padding
        expected = measure_map(heat, targets["boxes"][index, 0])
        row = rows[photo.image_id]
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, abs=1e-3), name
        assert row["predicted"] == says[index]
        assert row["correct"] == (says[index] == classes[index])
    energy = [row["energy"] for row in rows.values()]
    assert metrics["all"]["run"]["energy"] == pytest.approx(np.mean(energy))
    low, high = metrics["all"]["run"]["energy_ci"]
    assert low < np.mean(energy) < high
    right = [row["energy"] for row in rows.values() if row["correct"]]
    assert metrics["correct"]["run"]["num_images"] == len(right)
    assert sum(row["deletion"] is not None for row in rows.values()) == 2
    printed = capsys.readouterr().out
    assert f"energy in box     {np.mean(energy):.3f} [{low:.3f}, {high:.3f}]" in printed
    assert "mean share of the map's sum that lies inside the box" in printed
    assert json.loads((out / "metrics.json").read_text())["num_images"] == NUM_VAL


def test_equal_models_differ_by_nothing(run, twin, tmp_path):
    out = tmp_path / "out"
    # The largest seed there is, from which others are derived.
    config = ExplainConfig(run=run, baseline=twin, out=out, seed=2**32 - 1, **SETTINGS)
    metrics = explain(config)
    difference = metrics["all"]["difference"]
    assert difference["num_images"] == NUM_VAL
    for name in ("pointing", "energy", "coverage", "map_iou", "deletion"):
        assert difference[name] == 0.0
        assert difference[f"{name}_ci"] == [0.0, 0.0]
    assert metrics["sanity"].keys() == {"run", "baseline"}
    assert len(metrics["sanity"]["run"]["stages"]) >= 2
    page = (out / "index.html").read_text()
    # Photo, map and map for each of the four photos shown; nothing from elsewhere.
    assert page.count("data:image/jpeg;base64,") == 12
    assert "http" not in page and 'src="data' in page
    with Image.open(out / "gallery.png") as picture:
        assert picture.width > 700 and picture.height > 500
    assert (out / "baseline" / "data_report.txt").is_file()


def test_photos_and_batches_do_not_change_a_photo(run, tmp_path):
    settings = {**SETTINGS, "num_perturbed": 0}
    few = explain(
        ExplainConfig(
            run=run, out=tmp_path / "few", num_images=3, batch_size=2, **settings
        )
    )
    explain(ExplainConfig(run=run, out=tmp_path / "all", **settings))
    assert few["num_images"] == 3 and "deletion" not in few["all"]["run"]
    everything = {row["image_id"]: row["run"] for row in read_rows(tmp_path / "all")}
    for row in read_rows(tmp_path / "few"):
        for name in ("energy", "coverage", "pointing"):
            expected = everything[row["image_id"]][name]
            assert row["run"][name] == pytest.approx(expected, abs=1e-4)


def test_methods_and_layers_make_other_maps(run, tmp_path):
    found = []
    for number, changes in enumerate(
        ({}, {"method": "layercam"}, {"layer": "2"}, {"layer": "conv2d"})
    ):
        changes = {**SETTINGS, "num_perturbed": 0, **changes}
        if changes.get("layer") == "conv2d":
            layers = ssl_voc.heat_maps.explained_layer
            model = layers.keras.models.load_model(run / "model.keras", compile=False)
            changes["layer"] = model.backbone.layers[2].name
        metrics = explain(ExplainConfig(run=run, out=tmp_path / str(number), **changes))
        found.append(metrics["all"]["run"]["energy"])
    assert len(set(found[:3])) == 3
    assert found[2] == found[3]  # the first convolution is that of stride 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": None}, "--split: name the photos .* one of: train, val, all"),
        ({"split": "train"}, "were seen, in this or nearly this form"),
        ({"layer": "conv_77"}, "no layer named 'conv_77'"),
    ],
)
def test_what_cannot_be_explained_is_refused(run, tmp_path, changes, message):
    with pytest.raises(BadInput, match=message):
        explain(ExplainConfig(run=run, out=tmp_path / "o", **{**SETTINGS, **changes}))


def test_a_baseline_that_cannot_be_compared_is_refused(run, tree, tmp_path):
    other = write_run(tmp_path / "other", tree, build(), names=("red", "green", "bl"))
    with pytest.raises(BadInput, match="knows the classes red, green, bl. Expected"):
        explain(ExplainConfig(run=run, baseline=other, **SETTINGS))
    with pytest.raises(BadInput, match="is RUN itself"):
        explain(ExplainConfig(run=run, baseline=run, **SETTINGS))
    with pytest.raises(BadInput, match="--baseline: there is no folder"):
        explain(ExplainConfig(run=run, baseline=tmp_path / "none", **SETTINGS))
    with pytest.raises(BadInput, match="holds a run that is to be explained"):
        explain(ExplainConfig(run=run, out=run.parent, **SETTINGS))


def test_tables_leave_out_what_there_is_not_and_tell_what_spoils_them():
    measures = {"energy": np.array([0.4, 0.6]), "box_share": np.array([0.1, 0.3])}
    parts = {
        key: {name: summarize(measures, chosen) for name in ("run", "center")}
        for key, chosen in (("all", None), ("correct", np.zeros(2, bool)))
    }
    sanity = {"stages": [], "correlations": [], "passed": False}
    sanity |= {"final": np.nan, "final_ci": [np.nan] * 2, "other_photo": np.nan}
    text = format_explanation(
        {
            **parts,
            "runs": {"run": {"num_leaked": 2}},
            "sanity": {"run": sanity},
            "protocol": {"ci": "95 %"},
        }
    )
    rows = [line.split() for line in text.splitlines() if line.startswith("energy")]
    assert "0.200 box's share, 0.500 center" in text
    assert rows[1] == ["energy", "in", "box", "-"]
    assert text.startswith("2 OF THE PHOTOS WERE SEEN IN TRAINING by run")
    assert "ALL MAPS ARE EMPTY" in text and "another photo" not in text


def test_the_command_says_in_a_line_what_is_wrong(run, capsys):
    assert main([str(run), "--method", "cam"]) == 2
    assert "--method" in capsys.readouterr().err
    assert main([str(run / "nothing")]) == 2
    assert capsys.readouterr().err.startswith("error: RUN: there is no folder")
