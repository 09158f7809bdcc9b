import numpy as np
import pytest

from ssl_voc.metrics import (
    average_precision_by_group,
    match_detections,
    score_matches,
    voc_average_precision,
    weighted_average_precision,
)
from tests.metrics import average_precision_reference as reference
from tests.metrics.detections import generate, one_class, part

PROTOCOLS = ("voc07", "voc10")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("threshold", [0.5, 0.3])
def test_figures_are_those_of_the_loops(protocol, threshold):
    seen = set()
    for seed in range(40):
        predictions, truth = generate(seed)
        result = voc_average_precision(predictions, truth, protocol, threshold)
        expected = reference.per_class(predictions, truth, 4, protocol, threshold)
        np.testing.assert_allclose(result.per_class, expected, rtol=1e-12)
        assert result.mean == pytest.approx(np.nanmean(expected))
        for label in range(4):
            seen.update(reference.judge(predictions, truth, label)[0])
    # The cases hold what they are meant to hold.
    assert seen == {"true", "false", "ignored"}


def test_golden_case_of_five_detections():
    # Right, wrong, right, wrong, right of 4 objects. Precision at the right ones:
    # 1, 2/3, 3/5, at recalls 1/4, 2/4, 3/4.
    case = one_class([0.9, 0.8, 0.7, 0.6, 0.5], [0, -1, 1, -1, 2], 4)
    area = voc_average_precision(*case, protocol="voc10")
    assert area.mean == pytest.approx((1 + 2 / 3 + 3 / 5) / 4)
    # 0, 0.1, 0.2 see 1; 0.3, 0.4, 0.5 see 2/3; 0.6, 0.7 see 3/5; the rest nothing.
    points = voc_average_precision(*case, protocol="voc07")
    assert points.mean == pytest.approx((3 * 1 + 3 * 2 / 3 + 2 * 3 / 5) / 11)
    np.testing.assert_allclose(area.curves[0].recall, [0.25, 0.25, 0.5, 0.5, 0.75])
    np.testing.assert_allclose(area.curves[0].precision, [1, 1 / 2, 2 / 3, 1 / 2, 0.6])
    np.testing.assert_allclose(
        area.curves[0].confidence, [0.9, 0.8, 0.7, 0.6, 0.5], rtol=1e-6
    )


@pytest.mark.parametrize("found", range(11))
def test_recall_of_exactly_k_tenths_reaches_that_threshold(found):
    # A float range 0.1 * k would miss 0.3, 0.6 and 0.7.
    case = one_class(np.linspace(0.9, 0.1, found), list(range(found)), 10)
    expected = (found + 1) / 11 if found else 0.0
    assert voc_average_precision(*case).mean == pytest.approx(expected)


def test_an_overlap_of_one_half_and_a_second_detection_find_no_object():
    truth = {"boxes": [[[0, 0, 10, 20]]], "classes": [[0]]}
    half = {"boxes": [[[0, 0, 10, 10]]], "classes": [[0]], "confidence": [[1.0]]}
    assert voc_average_precision(half, truth).mean == 0.0
    more = {**half, "boxes": [[[0, 0, 10, 10.001]]]}
    assert voc_average_precision(more, truth).mean == 1.0
    # Both frame the first object best; the second also overlaps its neighbour by 0.54.
    truth = {"boxes": [[[0, 0, 10, 10], [0, 3, 10, 13]]], "classes": [[0, 0]]}
    twice = {**truth, "boxes": [[[0, 0, 10, 10]] * 2], "confidence": [[0.9, 0.8]]}
    result = voc_average_precision(twice, truth, "voc10")
    assert result.mean == 0.5
    np.testing.assert_allclose(result.curves[0].precision, [1.0, 0.5])


def test_difficult_objects_absorb_any_number_of_detections_and_need_not_be_found():
    predictions, truth = one_class([0.9, 0.8, 0.7], [0, 0, 1], 3)
    truth["difficult"] = [[True, False, True]]
    result = voc_average_precision(predictions, truth, "voc10")
    assert result.mean == 1.0
    assert result.num_objects.tolist() == [1]
    assert len(result.curves[0].precision) == 1


def test_a_class_with_only_difficult_objects_is_nan_and_left_out_of_the_mean():
    truth = {
        "boxes": np.tile([0.0, 0, 10, 10], (1, 3, 1)),
        "classes": [[0, 1, -1]],
        "difficult": [[False, True, False]],
    }
    predictions = {**truth, "confidence": [[0.5, 0.5, -1]]}
    result = voc_average_precision(predictions, truth, num_classes=4)
    np.testing.assert_array_equal(result.per_class, [1.0, np.nan, np.nan, np.nan])
    assert result.mean == 1.0


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_predicted_is_zero_and_nothing_to_find_is_nan(protocol):
    predictions, truth = one_class([0.9], [0], 1)
    none = {name: values[:, :0] for name, values in predictions.items()}
    assert voc_average_precision(none, truth, protocol).mean == 0.0
    empty = {name: values[:, :0] for name, values in truth.items()}
    assert np.isnan(voc_average_precision(predictions, empty, protocol).mean)
    assert np.isnan(voc_average_precision(none, empty, protocol).mean)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_weights_equal_a_set_with_copies_of_images(protocol):
    predictions, truth = generate(8, num_images=10)
    order = np.random.default_rng(1).permutation(predictions["classes"].size)
    predictions["confidence"] = order.reshape(10, -1) / 1000
    random = np.random.default_rng(2)
    weights = np.stack(
        [np.bincount(random.integers(0, 10, 10), minlength=10) for _ in range(25)]
    )
    matches = match_detections(predictions, truth)
    averages = weighted_average_precision(matches, weights, protocol)
    for row, times in zip(averages, weights, strict=True):
        images = np.repeat(np.arange(10), times)
        copies = part(predictions, images), part(truth, images)
        expected = voc_average_precision(*copies, protocol, num_classes=4).per_class
        np.testing.assert_allclose(row, expected, rtol=1e-12)


def test_groups_take_other_objects_for_difficult_ones():
    predictions, truth = generate(11, num_images=20)
    sizes = [
        np.where((side["boxes"][..., 2] - side["boxes"][..., 0]) < 11, "narrow", "wide")
        for side in (truth, predictions)
    ]
    matches = match_detections(predictions, truth)
    groups = average_precision_by_group(matches, *sizes, protocol="voc10")
    assert list(groups) == ["narrow", "wide"]
    whole = score_matches(matches, "voc10")
    counts = groups["narrow"].num_objects + groups["wide"].num_objects
    np.testing.assert_array_equal(counts, whole.num_objects)
    for name, result in groups.items():
        # Without detections that found nothing, masks are marks of difficulty.
        found = matches.matched >= 0
        kept = np.full(predictions["classes"].shape, -1)
        rows = matches.detections
        kept[rows.images[found], rows.places[found]] = rows.classes[found]
        own = sizes[1] == name
        alone = (predictions["classes"] >= 0) & (kept < 0) & own
        kept[alone] = predictions["classes"][alone]
        expected = reference.per_class(
            {**predictions, "classes": kept},
            {**truth, "difficult": truth["difficult"] | (sizes[0] != name)},
            4,
            "voc10",
        )
        np.testing.assert_allclose(result.per_class, expected, rtol=1e-12)


def test_objects_whose_group_is_none_are_in_none():
    predictions, truth = one_class([0.9, 0.8], [0, 1], 2)
    groups = np.array([["small", None]], dtype=object)
    matches = match_detections(predictions, truth)
    results = average_precision_by_group(matches, groups, groups)
    assert list(results) == ["small"]
    assert results["small"].num_objects.tolist() == [1]


def test_unknown_protocols_and_masks_that_do_not_fit_are_refused():
    case = one_class([0.9], [0], 1)
    with pytest.raises(ValueError, match="one of voc07, voc10. Received: 'voc12'"):
        voc_average_precision(*case, protocol="voc12")
    matches = match_detections(*case)
    with pytest.raises(ValueError, match=r"object_mask.*\(1, 1\).*\(1, 2\)"):
        score_matches(matches, object_mask=[[True, False]])
    with pytest.raises(ValueError, match=r"weights.*\(num_resamples, 1\)"):
        weighted_average_precision(matches, np.ones((3, 2)))
    across = match_detections(*case, across_classes=True)
    with pytest.raises(ValueError, match="across_classes=True"):
        score_matches(across)
