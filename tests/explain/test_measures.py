"""The two tests of an alarm: what they find, and how often they err; inpainting."""

import itertools
import types

import numpy as np
import pytest

from ssl_voc.explain.shortcuts import search as shortcut_search
from ssl_voc.explain.shortcuts.candidates import PatchCluster
from ssl_voc.explain.shortcuts.inpainting import inpaint
from ssl_voc.explain.shortcuts.report import format_shortcuts, sheet_name
from ssl_voc.explain.shortcuts.scan import choose_layer, scan_photos
from ssl_voc.explain.shortcuts.statistics import (
    association_p_value,
    is_alarm,
    is_worth_testing,
    reliance_p_value,
)
from ssl_voc.explain.subject import Views
from tests import tiny


def test_association_is_the_share_of_choices_that_reach_the_sum_of_ranks():
    values = np.array([0.1, 5.0, 0.4, 3.0, 0.4, 9.0, np.nan])
    is_class = np.array([0, 1, 0, 0, 0, 1, 1], bool)
    ranks = [1, 5, 2.5, 4, 2.5, 6]
    sums = [sum(choice) for choice in itertools.combinations(ranks, 2)]
    expected = np.mean([total >= 5 + 6 for total in sums])
    found = association_p_value(values, is_class, 50_000)
    assert found == pytest.approx(expected, abs=0.005)
    assert association_p_value(values, ~is_class, 2000) > 0.9
    # Where all is equal, every choice reaches it.
    assert association_p_value(np.ones(7), is_class, 500) == 1.0
    assert association_p_value(values, np.zeros(7, bool)) == 1.0


def test_reliance_is_the_tail_over_all_exchanges():
    is_wrong = np.array(
        [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0]], bool
    )
    observed = is_wrong[:, 0].sum()
    sums = [
        sum(row[place] for row, place in zip(is_wrong, places, strict=True))
        for places in itertools.product(range(4), repeat=5)
    ]
    expected = np.mean([total >= observed for total in sums])
    assert reliance_p_value(is_wrong) == pytest.approx(expected)
    assert reliance_p_value(np.zeros((0, 5), bool)) == 1.0
    assert reliance_p_value(np.zeros((9, 5), bool)) == 1.0
    only_there = np.zeros((9, 5), bool)
    only_there[:, 0] = True
    assert reliance_p_value(only_there) == pytest.approx(5.0**-9)


def test_an_alarm_takes_both_tests_and_counts_the_candidates():
    assert is_alarm(0.04, 0.04, 1) and not is_alarm(0.06, 0.0, 1)
    assert not is_alarm(0.0, 0.06, 1) and not is_alarm(0.04, 0.04, 2)
    assert is_alarm(0.0009, 0.001, 50) and not is_alarm(0.0009, 0.0011, 50)


def test_a_candidate_is_screened_by_both_tests():
    one_photo = reliance_p_value([[True, False, False, False, False]])
    assert is_worth_testing(0.1, one_photo)
    assert not is_worth_testing(0.11, one_photo)
    two_of_five = reliance_p_value([[True, True, False, False, False]])
    assert not is_worth_testing(0.0, two_of_five)


def test_photos_that_chose_and_screened_a_candidate_do_not_test_it(monkeypatch):
    classes, chose, asked = np.repeat([0, 1], 10), [], []
    candidate = types.SimpleNamespace(
        label=0,
        kind="place",
        strength=lambda scan: np.arange(20.0),
        energy=lambda scan: np.zeros(20),
        describe=lambda: "corner",
    )
    for name, stand_in in {
        "choose_layer": lambda *_: types.SimpleNamespace(name="layer"),
        "scan_photos": lambda *_: types.SimpleNamespace(classes=classes),
        "propose_candidates": lambda _, chosen, label, __: (
            chose.append(chosen) or [candidate] * (label == 0)
        ),
        "answers_without": lambda *given: (
            asked.append(given[3]) or np.zeros((0, 5), bool)
        ),
        "draw_candidate": lambda *_: None,
    }.items():
        monkeypatch.setattr(shortcut_search, name, stand_in)
    pool = types.SimpleNamespace(class_names=("a", "b"))
    subject = types.SimpleNamespace(model=None, pool=pool)
    config = types.SimpleNamespace(explained_layer=None, seed=0)
    shortcut_search.find_shortcuts(subject, range(20), config, None)
    screened, tested = asked
    np.testing.assert_array_equal(screened, chose[0] & (classes == 0))
    np.testing.assert_array_equal(tested, ~chose[0] & (classes == 0))
    assert screened.sum() == tested.sum() == 5


def test_both_err_no_more_often_than_they_say():
    random = np.random.default_rng(0)
    association, reliance = [], []
    for trial in range(400):
        values, is_class = random.random(30).round(1), random.random(30) < 0.3
        association.append(association_p_value(values, is_class, 400, trial))
        # Photos are hard or easy, and that for every place alike.
        hard = random.random((20, 1)) ** 2
        reliance.append(reliance_p_value(random.random((20, 5)) < hard))
    for found in (association, reliance):
        for level in (0.05, 0.2):
            share = np.mean(np.array(found) <= level)
            assert share < level + 3 * np.sqrt(level / 400)
        assert np.mean(np.array(found) <= 0.5) > 0.2


def test_a_patch_holds_its_share_of_the_map_whatever_the_form_of_the_photo():
    sizes, number = np.array([(48, 48), (24, 48), (48, 12)]), 3
    nothing = np.zeros((number, 1, 4))
    views = Views(
        np.arange(number),
        np.zeros((number, 48, 48, 3), "uint8"),
        np.zeros(number, int),
        nothing[:, 0],
        sizes,
        nothing,
    )
    model = tiny.build_localizer(lambda: tiny.build_plain_backbone(48))
    subject = types.SimpleNamespace(
        model=model,
        pool=types.SimpleNamespace(image_size=48, class_names=("a",)),
        views=lambda indices: [views],
        answers=lambda images: np.zeros(number, int),
        maps=lambda *_, **options: np.full((number, 48, 48), 3.0, "float32"),
    )
    scan = scan_photos(subject, range(number), choose_layer(model))
    channels = scan.patch_features.shape[-1]
    cluster = PatchCluster(0, 1, np.ones(channels), np.zeros(channels), least=-1.0)
    # Two patches of 8 x 8 pixels, of an even map.
    expected = 2 * 64 / sizes.prod(axis=1)
    np.testing.assert_allclose(cluster.energy(scan), expected, rtol=1e-5)


def test_shortcuts_are_looked_for_by_layers_of_the_backbone():
    model = tiny.build_localizer()
    layer = model.backbone.layers[-1]
    assert choose_layer(model, layer.name) is layer
    with pytest.raises(ValueError, match="a layer of the backbone. Received: conv"):
        choose_layer(model, model.head.convolutions[0].name)


def test_classes_that_were_not_looked_at_are_told():
    found = {"candidates": [], "classes_without": ["cat", "cow"], "bound": 0.05}
    text = format_shortcuts({**found, "protocol": "two tests"})
    assert "no shortcut was looked for" in text and "no shortcut found" not in text
    assert "not looked at" in text and ": cat, cow" in text


def test_the_table_says_why_small_p_values_are_no_alarm():
    numbers = "share_of_photos share_of_others association_p accuracy_drop reliance_p"
    row = dict.fromkeys([*numbers.split(), "accuracy_drop_control"], 0.0001)
    row |= {"class": "cat", "where": "corner", "alarm": False}
    found = {"num_screened": 1, "bound": 0.05, "protocol": "", "classes_without": []}
    found["candidates"] = [row | {"screened": False}, row | {"screened": True}]
    lines = [line for line in format_shortcuts(found).splitlines() if "corner" in line]
    assert [line.endswith("0.0001  dropped") for line in lines] == [True, False]


def test_sheets_of_classes_that_differ_in_signs_alone_are_files_of_their_own():
    clusters = [PatchCluster(label, 1, None, None, 0.0) for label in (0, 1)]
    names = [sheet_name(*pair) for pair in zip(clusters, ("C/#", "C++"), strict=True)]
    assert len(set(names)) == 2
    assert all("/" not in name and name.endswith(".png") for name in names)


def test_inpainting_keeps_what_is_known_and_hides_the_rest():
    photos = tiny.draw_photos(2, size=37)[:, :29]
    known = np.ones((2, 29, 37), bool)
    known[0, 5:14, 20:31] = known[1, :8, :9] = False
    filled = inpaint(photos, known)
    np.testing.assert_array_equal(filled[known], photos[known])
    changed = photos.copy()
    changed[~known] = 255 - changed[~known]
    # Nothing of what was there is left.
    np.testing.assert_array_equal(inpaint(changed, known), filled)


def test_inpainting_goes_on_with_what_surrounds():
    photos = np.full((1, 24, 24, 3), 90, "uint8")
    photos[:, :, 12:] = (10, 200, 60)
    known = np.ones((1, 24, 24), bool)
    known[:, 6:12, 2:8] = known[:, 6:12, 16:22] = False
    photos_without = np.where(known[..., None], photos, 255)
    np.testing.assert_allclose(
        inpaint(photos_without, known).astype(int), photos.astype(int), atol=12
    )
    slope = np.tile(np.arange(0, 240, 10, "uint8")[None, None, :, None], (1, 24, 1, 3))
    known[:] = True
    known[:, 9:15, 9:15] = False
    found = inpaint(slope, known).astype(int)
    assert np.abs(found - slope).max() < 35
    assert inpaint(slope, np.zeros_like(known)).max() == 0
