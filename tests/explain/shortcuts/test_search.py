"""The search for shortcuts on photos whose stamp tells a class, and its report."""

import itertools

import numpy as np
import pytest

from ssl_voc.explain.shortcuts import search as shortcut_search
from ssl_voc.explain.shortcuts.candidates import FixedRegion, PatchCluster, _clusters
from ssl_voc.explain.shortcuts.report import format_shortcuts, sheet_name
from ssl_voc.explain.shortcuts.scan import GRID, choose_layer, scan_photos
from ssl_voc.explain.shortcuts.search import find_shortcuts, inpainted_errors
from ssl_voc.tasks import TASKS
from tests import tiny
from tests.evaluate.oracle import SIDE
from tests.explain.subjects import (
    NUM_PHOTOS,
    STAMP,
    ColorReader,
    as_photos,
    build_subject,
    draw_photos,
)


def search(folder, model, **photos):
    subject = build_subject(model, as_photos(draw_photos(**photos)))
    return find_shortcuts(subject, range(len(subject.pool)), subject.config, folder)


def test_a_stamp_that_wanders_is_found_by_its_patches(tmp_path):
    found = search(tmp_path, ColorReader(9.0), stamped="green", wandering=True)
    alarms = [row for row in found["candidates"] if row["alarm"]]
    assert {row["class"] for row in alarms} == {"green"}
    assert "cluster" in {row["kind"] for row in alarms}


@pytest.mark.parametrize(
    "stamped", [None, pytest.param("green", marks=pytest.mark.slow)]
)
def test_a_model_that_knows_objects_raises_no_alarm(tmp_path, monkeypatch, stamped):
    """Nor does a stamp that the photos bear and the model ignores."""
    given = {"propose_candidates": [], "inpainted_errors": []}
    for name, calls in given.items():
        original = getattr(shortcut_search, name)
        monkeypatch.setattr(
            shortcut_search,
            name,
            lambda *args, calls=calls, original=original: (
                calls.append(args) or original(*args)
            ),
        )
    found = search(tmp_path, ColorReader(), stamped=stamped)
    assert found["num_alarms"] == 0 and found["classes_too_few"] == []
    assert "no shortcut found" in format_shortcuts(found)
    assert max(row["accuracy_drop"] for row in found["candidates"]) == 0.0
    # Half the photos of a class choose and screen a candidate, the others test it.
    chosen = given["propose_candidates"][0][1]
    asked = [args[3] for args in given["inpainted_errors"]]
    for screening, testing in zip(asked[::2], asked[1::2], strict=True):
        assert screening.sum() == testing.sum() == NUM_PHOTOS // 6
        assert chosen[screening].all() and not chosen[testing].any()


def find_by_stamp(images):
    """A detector that knows an object's class where it sees the stamp in the corner.

    It is surer of an object of another class, which lies over the top of each photo.
    """
    found = {"boxes": [], "classes": [], "confidence": []}
    for image in images:
        is_colored = image - image.min(axis=-1, keepdims=True) > 200
        rows, columns, labels = np.nonzero(is_colored)
        label = labels[0]
        box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        is_seen = image[STAMP, STAMP].min() >= 150
        answer = label if is_seen else (label + 1) % 3
        found["boxes"].append([(0, 0, SIDE, 2), box])
        found["classes"].append([(label + 2) % 3, answer])
        found["confidence"].append([0.9, 0.5])
    return {name: np.array(values) for name, values in found.items()}


def test_a_detector_is_asked_at_the_object_of_each_inpainted_photo():
    drawn = draw_photos(stamped="all", number=12)
    # The first photo lacks the stamp: it is answered wrong as it is.
    drawn[0][0][STAMP, STAMP] = 80
    subject = build_subject(ColorReader(), as_photos(drawn))
    subject.task = TASKS["detect"]
    subject.model.predict_on_batch = find_by_stamp
    subject.maps = lambda images, *_, **__: np.ones(images.shape[:3], "float32")
    scan = scan_photos(subject, range(12), choose_layer(subject.model))
    assert scan.is_right.tolist() == [False] + [True] * 11
    cells = np.zeros((GRID, GRID), bool)
    cells[-2:, -2:] = True
    region = FixedRegion(0, cells)
    wrong = inpainted_errors(subject, scan, region, np.ones(12, bool), seed=0)
    # The region hides the stamp.
    assert len(wrong) > 5 and wrong[:, 0].all()
    assert not wrong[:, 1:].any(), "controls leave the stamp where it is"


def test_what_all_photos_bear_is_no_shortcut_to_a_class(tmp_path):
    """Green is lost with the stamp, but the stamp does not tell green from others."""
    found = search(tmp_path, ColorReader(9.0), stamped="all")
    assert found["num_alarms"] == 0
    relied_on = [row for row in found["candidates"] if row["reliance_p"] < 0.001]
    assert all(row["association_p"] > 0.01 for row in relied_on)


def test_classes_that_no_p_value_could_accuse_are_not_cleared(tmp_path, monkeypatch):
    def errors_of_one_green_photo(subject, scan, candidate, photos, seed):
        number = 1 if candidate.label == 1 else photos.sum()
        return np.zeros((number, 1 + shortcut_search.NUM_CONTROLS), bool)

    monkeypatch.setattr(shortcut_search, "inpainted_errors", errors_of_one_green_photo)
    found = search(tmp_path, ColorReader())
    # One photo has a p-value of 1/5 at least, and 5 % is asked for.
    assert found["classes_too_few"] == ["green"]
    could = [row["class"] for row in found["candidates"] if row["could_alarm"]]
    assert {*could} == {"red", "blue"}
    text = format_shortcuts(found)
    assert f"no shortcut found: none of {len(could)} candidates" in text
    assert "\ntoo few photos to tell: green\n" in text


def test_controls_hide_nearly_as_much_as_the_region_or_there_are_none():
    mask, outside = np.zeros((2, 24, 24), bool)
    mask[:6, :6] = outside[:6, :8] = True
    outside[20:] = True
    random = np.random.default_rng(0)
    # Beside the region 2 x 6 pixels are free, below the boxes 4 x 6 of 6 x 6.
    assert len(shortcut_search._controls(mask, outside, random)) == 0
    outside[19:] = True
    controls = shortcut_search._controls(mask, outside, random)
    assert len(controls) == shortcut_search.NUM_CONTROLS
    for control in controls:
        assert control.sum() == 5 * 6 and not (control & (mask | ~outside)).any()
    # Four of one place would be one control.
    for one, other in itertools.combinations(controls, 2):
        assert (one & other).sum() < 5 * 6 / 2


def test_a_patch_holds_its_share_of_the_map_whatever_the_form_of_the_photo():
    shapes = [(48, 48, 3), (24, 48, 3), (48, 12, 3)]
    drawn = [(np.zeros(shape, "uint8"), "red", (0, 0, 1, 1)) for shape in shapes]
    model = tiny.build_localizer(lambda: tiny.build_plain_backbone(48))
    subject = build_subject(model, as_photos(drawn))
    subject.maps = lambda images, *_, **__: np.full(images.shape[:3], 3.0, "float32")
    scan = scan_photos(subject, range(3), choose_layer(model))
    channels = scan.patch_features.shape[-1]
    cluster = PatchCluster(0, 1, np.ones(channels), np.zeros(channels), least=-1.0)
    # Two patches of 8 x 8 pixels, of an even map.
    areas = [height * width for height, width, _ in shapes]
    np.testing.assert_allclose(cluster.energy(scan), 128 / np.array(areas), rtol=1e-5)


def test_clusters_are_groups_of_directions_however_few_there_are():
    directions = np.eye(3).repeat((5, 4, 3), axis=0)
    found = _clusters(directions, 4, seed=0)
    assert sorted(len(members) for _, members in found) == [3, 4, 5]
    for center, members in found:
        np.testing.assert_allclose(directions[members] @ center, 1.0)
    [(center, members)] = _clusters(directions[:5], 1, seed=0)
    np.testing.assert_allclose(center, [1, 0, 0])
    assert len(members) == 5


def test_shortcuts_are_looked_for_by_layers_of_the_backbone():
    model = tiny.build_localizer()
    layer = model.backbone.layers[-1]
    assert choose_layer(model, layer.name) is layer
    with pytest.raises(ValueError, match="a layer of the backbone. Received: conv"):
        choose_layer(model, model.head.convolutions[0].name)


def test_report_tells_what_was_not_looked_at_and_why_small_p_values_are_no_alarm():
    found = {"num_screened": 1, "bound": 0.05, "protocol": "", "classes_without": []}
    found["classes_too_few"] = []
    nothing = {**found, "candidates": [], "classes_without": ["cat", "cow"]}
    text = format_shortcuts(nothing)
    assert "no shortcut found" not in text and text.endswith(": cat, cow")
    numbers = "share_of_photos share_of_others association_p accuracy_drop reliance_p"
    row = dict.fromkeys([*numbers.split(), "accuracy_drop_control"], 0.0001)
    row |= {"class": "cat", "where": "corner", "alarm": False, "num_tested": 31}
    row["could_alarm"] = True
    found["candidates"] = [row | {"screened": screened} for screened in (False, True)]
    lines = [line for line in format_shortcuts(found).splitlines() if "corner" in line]
    assert [line.endswith("0.0001  dropped") for line in lines] == [True, False]
    assert all(line.split()[-2 - ("dropped" in line)] == "31" for line in lines)
    found["candidates"] = [row | {"screened": True, "could_alarm": False}]
    found["classes_too_few"] = ["cat"]
    text = format_shortcuts(found)
    assert "no shortcut found" not in text and text.startswith("too few photos to tell")
    assert "0.0001  too few photos\n" in text


def test_sheets_of_classes_that_differ_in_signs_alone_are_files_of_their_own():
    clusters = [PatchCluster(label, 1, None, None, 0.0) for label in (0, 1)]
    names = [sheet_name(*pair) for pair in zip(clusters, ("C/#", "C++"), strict=True)]
    assert len(set(names)) == 2
    assert all("/" not in name and name.endswith(".png") for name in names)
