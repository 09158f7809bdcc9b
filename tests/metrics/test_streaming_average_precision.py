import keras
import numpy as np
import pytest

from ssl_voc import boxes
from ssl_voc.metrics import VOCAveragePrecision, voc_average_precision
from tests.metrics.detections import generate, one_class


def batches(predictions, truth, sizes):
    """Consecutive batches; each cut to the widths it needs."""
    start = 0
    for size in sizes:
        sides = []
        for side in (truth, predictions):
            classes = side["classes"][start : start + size]
            used = np.flatnonzero((classes >= 0).any(axis=0))
            width = used[-1] + 1 if len(used) else 0
            sides.append({k: v[start : start + size, :width] for k, v in side.items()})
        yield sides
        start += size


@pytest.mark.parametrize("protocol", ["voc07", "voc10"])
@pytest.mark.parametrize("asked_in_between", [False, True])
def test_batches_of_any_size_give_the_figure_of_all_images(protocol, asked_in_between):
    predictions, truth = generate(0, num_images=20)
    metric = VOCAveragePrecision(4, protocol)
    for y_true, y_pred in batches(predictions, truth, (1, 7, 4, 8)):
        metric.update_state(y_true, y_pred)
        if asked_in_between:
            metric.result()
    expected = voc_average_precision(predictions, truth, protocol, num_classes=4)
    assert metric.result() == expected.mean
    np.testing.assert_array_equal(
        metric.average_precision().per_class, expected.per_class
    )
    assert metric.matches().num_images == 20


def test_reset_forgets_and_nothing_seen_is_nan():
    metric = VOCAveragePrecision(1)
    assert np.isnan(metric.result())
    predictions, truth = one_class([0.9], [0], 1)
    metric.update_state(truth, predictions)
    assert metric.result() == 1.0
    metric.reset_state()
    assert np.isnan(metric.result())
    nothing = {name: values[:, :0] for name, values in predictions.items()}
    metric.update_state(truth, nothing)
    assert metric.result() == 0.0


@pytest.mark.parametrize("bounding_box_format", ["xywh", "rel_yxyx", "center_xywh"])
def test_tensors_in_another_format_give_the_same(bounding_box_format):
    predictions, truth = generate(1)
    metric = VOCAveragePrecision(4, bounding_box_format=bounding_box_format)
    sides = [
        {
            **{name: keras.ops.convert_to_tensor(v) for name, v in side.items()},
            "boxes": boxes.convert_format(
                side["boxes"], "xyxy", bounding_box_format, (64, 32)
            ),
        }
        for side in (truth, predictions)
    ]
    metric.update_state(*sides)
    expected = voc_average_precision(predictions, truth, num_classes=4)
    assert metric.result() == pytest.approx(expected.mean, abs=1e-12)


def test_a_batch_with_numbers_that_are_none_is_refused_and_not_added():
    predictions, truth = one_class([0.9], [0], 1)
    metric = VOCAveragePrecision(1)
    metric.update_state(truth, predictions)
    bad = {**predictions, "confidence": np.array([[np.nan]])}
    with pytest.raises(ValueError, match="confidence.*nan"):
        metric.update_state(truth, bad)
    assert metric.result() == 1.0
    assert metric.matches().num_images == 1


def test_name_tells_protocol_and_threshold_and_wrong_settings_are_refused():
    assert VOCAveragePrecision(2).name == "voc07_ap50"
    assert VOCAveragePrecision(2, "voc10", 0.75).name == "voc10_ap75"
    with pytest.raises(ValueError, match="Received: 'coco'"):
        VOCAveragePrecision(2, "coco")
    with pytest.raises(ValueError, match="num_classes=0"):
        VOCAveragePrecision(0)
    with pytest.raises(ValueError, match="bounding_box_format"):
        VOCAveragePrecision(2, bounding_box_format="corners")
