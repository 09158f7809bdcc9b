import keras
import numpy as np
import pytest

from ssl_voc.metrics import LocalizationAccuracy
from tests import box_reference

TRUE = [[0, 0, 10, 10]] * 4
# IoU 0.5, 0.7, 0.71 and 1.
PREDICTED = [[0, 0, 5, 10], [0, 0, 7, 10], [0, 0, 7.1, 10], [0, 0, 10, 10]]


@pytest.mark.parametrize(
    ("threshold", "expected"), [(0.5, 3 / 4), (0.7, 2 / 4), (0.0, 1.0), (0.99, 1 / 4)]
)
def test_iou_at_the_threshold_is_not_above_it(threshold, expected):
    metric = LocalizationAccuracy(threshold)
    metric.update_state(TRUE, PREDICTED)
    assert float(metric.result()) == expected


def test_share_is_that_of_the_loops():
    random = np.random.default_rng(0)
    true = box_reference.random_boxes(random, 200)
    predicted = true + random.normal(0, 5, true.shape).astype("float32")
    metric = LocalizationAccuracy(0.7)
    metric.update_state(true[:150], predicted[:150])
    metric.update_state(true[150:], predicted[150:])
    found = [box_reference.iou(*p) > 0.7 for p in zip(true, predicted, strict=True)]
    assert float(metric.result()) == pytest.approx(np.mean(found), abs=1e-6)
    assert 0.05 < np.mean(found) < 0.95


def test_name_tells_the_threshold():
    assert LocalizationAccuracy(0.5).name == "loc_acc_50"
    assert LocalizationAccuracy(0.7).name == "loc_acc_70"
    assert LocalizationAccuracy(0.55, where={"sizes": 2}).name == "loc_acc_55_sizes_2"


def test_metric_reloads_with_its_threshold():
    metric = LocalizationAccuracy(0.7)
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    again.update_state(TRUE, PREDICTED)
    assert float(again.result()) == 0.5


@pytest.mark.parametrize("threshold", [-0.1, 1.0, 50])
def test_threshold_out_of_range_is_named(threshold):
    with pytest.raises(ValueError, match=r"`threshold` is an IoU .*\[0, 1\)"):
        LocalizationAccuracy(threshold)
