"""`python -m ssl_voc.explain`, whole: what it writes, prints and refuses."""

import contextlib
import io
import json

import numpy as np
import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.explain import ExplainConfig, explain, main
from ssl_voc.explain import run as explanation_run
from ssl_voc.runs.finished_run import read_finished_run
from tests import tiny
from tests.evaluate.oracle import SIDE, write_run, write_tree
from tests.explain.subjects import (
    NUM_PHOTOS,
    ColorReader,
    as_photos,
    build_subject,
    draw_photos,
)
from tests.visualization.pixels import pixels_of

NUM_TRAIN = 3


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A VOC tree of photos of which green ones are stamped, and two runs alike."""
    place = tmp_path_factory.mktemp("explain")
    drawn = draw_photos("green", number=NUM_TRAIN + NUM_PHOTOS)
    tree = write_tree(place / "tree", drawn=drawn, num_train=NUM_TRAIN)
    for name in ("run", "baseline"):
        write_run(place / name, tree, ColorReader(white=9.0))
    write_run(place / "other", tree, ColorReader(), names=("a", "b"))
    return place


@pytest.fixture(scope="module")
def explained(place):
    """Folder, metrics and printed lines of a run that is its own baseline."""
    out, printed = place / "out", io.StringIO()
    config = ExplainConfig(
        run=place / "run",
        baseline=place / "baseline",
        out=out,
        split="val",
        num_perturbed=2,
        num_shown=4,
        find_shortcuts=True,
        allow_leakage=True,  # rectangles on gray are all alike
        seed=2**32 - 1,  # the largest there is, from which others are derived
    )
    with contextlib.redirect_stdout(printed):
        metrics = explain(config)
    return out, metrics, printed.getvalue()


def test_figures_are_means_over_the_photos_of_the_file(explained):
    out, metrics, printed = explained
    rows = [*map(json.loads, (out / "images.jsonl").read_text().splitlines())]
    assert metrics["num_images"] == len(rows) == NUM_PHOTOS
    assert len({row["image_id"] for row in rows}) == NUM_PHOTOS
    energy = [row["run"]["energy"] for row in rows]
    low, high = metrics["all"]["run"]["energy_ci"]
    assert metrics["all"]["run"]["energy"] == pytest.approx(np.mean(energy))
    assert low < np.mean(energy) < high
    right = sum(row["run"]["correct"] for row in rows)
    assert metrics["correct"]["run"]["num_images"] == right
    assert sum(row["run"]["deletion"] is not None for row in rows) == 2
    assert f"energy in box     {np.mean(energy):.3f} [{low:.3f}, {high:.3f}]" in printed
    assert "mean share of the map's sum that lies inside the box" in printed
    stored = json.loads((out / "metrics.json").read_text())
    assert stored["num_images"] == NUM_PHOTOS
    assert stored["shortcuts"]["num_alarms"] == metrics["shortcuts"]["num_alarms"]


def test_every_stage_is_told_before_it_is_long(explained):
    told = [
        "loading the model",
        f"explaining run: {NUM_PHOTOS} photos",
        "deleting and inserting pixels, run: 2 photos",
        # 32 photos, twice, with the learned weights and without those of one stage.
        "checking maps of run: 128 maps",
        f"mapping backgrounds: {3 * NUM_PHOTOS} maps",
        "testing candidates: ",
        "drawing",
    ]
    lines = explained[2].splitlines()
    places = [[line.startswith(text) for line in lines].index(True) for text in told]
    assert places == sorted(places)


def test_equal_models_differ_by_nothing(explained):
    out, metrics, _ = explained
    difference = metrics["all"]["difference"]
    assert difference["num_images"] == NUM_PHOTOS
    for name in ("pointing", "energy", "coverage", "map_iou", "deletion"):
        assert difference[name] == 0.0
        assert difference[f"{name}_ci"] == [0.0, 0.0]
    assert metrics["sanity"].keys() == {"run", "baseline"}
    assert metrics["sanity"]["run"]["stages"] == ["down to colors"]
    assert (out / "baseline" / "data_report.txt").is_file()


def test_page_and_gallery_show_photos_and_maps(explained):
    out, metrics, _ = explained
    page = (out / "index.html").read_text()
    num_sheets = metrics["shortcuts"]["num_alarms"]
    # Photo, map and map for each of the four photos shown; nothing from elsewhere.
    assert page.count("data:image/jpeg;base64,") == 12 + num_sheets
    assert "http" not in page and "SHORTCUT: green is known by" in page
    assert "yellow is the maximum of each map, gray is 0" in page
    height, width, _ = pixels_of(out / "gallery.png").shape
    assert width > 6 * 220 and height > 220


def test_a_stamp_in_a_corner_is_found_named_and_shown(explained):
    out, metrics, printed = explained
    found = metrics["shortcuts"]
    alarms = [row for row in found["candidates"] if row["alarm"]]
    assert {row["class"] for row in alarms} == {"green"}
    (region,) = (row for row in alarms if row["kind"] == "region")
    assert region["where"].startswith("lower right corner of the photo")
    assert region["share_of_photos"] > 0.9
    assert region["accuracy_drop"] > 0.9 and region["accuracy_drop_control"] < 0.1
    assert found["num_alarms"] == len(alarms)
    screened = [row for row in found["candidates"] if row["screened"]]
    assert len(alarms) <= len(screened) < len(found["candidates"])
    assert found["bound"] == pytest.approx(0.05 / len(screened))
    assert all(row["sheet"] for row in found["candidates"][:3])
    for row in alarms:
        assert pixels_of(out / row["sheet"]).shape[1] > 400
    printed = " ".join(printed.split())
    assert "SHORTCUT: green is known by the lower right corner" in printed


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"split": None}, "--split: .* val.*train"),
        ({"split": "train"}, "--split: .* seen"),
        ({"layer": "conv_77", "allow_leakage": True}, "'conv_77'"),
        ({"baseline": "other"}, "--baseline: .*a, b.*red, green, blue"),
        ({"baseline": "run"}, "--baseline: .* RUN"),
        ({"baseline": "none"}, "--baseline: .*none"),
        ({"out": ".", "split": None}, "--out: "),
    ],
)
def test_what_cannot_be_explained_is_refused(place, changes, names):
    settings = {"run": "run", "split": "val", "overwrite": True, **changes}
    for key in {"run", "baseline", "out"} & settings.keys():
        settings[key] = place / settings[key]
    with pytest.raises(BadInput, match=names):
        explain(ExplainConfig(**settings))


def test_what_was_measured_outlives_a_check_that_fails(place, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("no copy of this model")

    monkeypatch.setattr(explanation_run, "randomized_correlations", fail)
    settings = {"num_images": 4, "num_perturbed": 0, "allow_leakage": True}
    out = tmp_path / "out"
    with pytest.raises(RuntimeError, match="no copy"):
        explain(ExplainConfig(run=place / "run", split="val", out=out, **settings))
    assert len((out / "images.jsonl").read_text().splitlines()) == 4
    assert json.loads((out / "metrics.json").read_text())["all"]["run"]["energy"] > 0


def test_photos_of_one_class_have_no_shortcut_to_it(place, tmp_path):
    reds = draw_photos(number=12)[::3]
    tree = write_tree(tmp_path / "reds", drawn=reds, num_train=1)
    settings = {"data": (str(tree),), "split": "val", "allow_leakage": True}
    settings["out"] = tmp_path / "out"
    with pytest.raises(BadInput, match="^--find-shortcuts: .* show one: red"):
        explain(ExplainConfig(run=place / "run", find_shortcuts=True, **settings))


def test_a_layer_of_the_head_is_found_in_the_copies_that_lose_their_weights():
    model = tiny.build_localizer(lambda: tiny.build_plain_backbone(SIDE))
    layer = model.head.convolutions[0].name
    subject = build_subject(model, as_photos(draw_photos(number=6)), layer=layer)
    run = object.__new__(explanation_run.ExplanationRun)
    run.config, run.indices = subject.config, np.arange(6)
    sanity = run._check_sanity(subject)
    assert sanity["stages"][0] == "head" and abs(sanity["final"]) < 1


def test_results_go_into_the_run_and_what_is_wrong_is_a_line(place, tmp_path, capsys):
    config = ExplainConfig(run=place / "run", split="test[:50%]")
    config = config.resolved(read_finished_run(place / "run"))
    assert config.out == place / "run" / "explanation-test_50_"
    assert main(["run", "--method", "cam"]) == 2
    assert "--method" in capsys.readouterr().err
    assert main(["run", "--tta"]) == 2
    assert "--tta" in capsys.readouterr().err  # a map is of one view
    assert main([str(tmp_path / "nothing")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: RUN: ") and "nothing does not exist" in told
