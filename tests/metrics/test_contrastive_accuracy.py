import numpy as np
import pytest

from ssl_voc.metrics import ContrastiveAccuracy
from tests import reference


@pytest.mark.parametrize("noise", [0.1, 1.0, 2.0, 10.0])
def test_accuracy_is_the_share_counted_in_loops(noise):
    random = np.random.default_rng(1)
    a = random.normal(size=(12, 5)).astype("float32")
    b = (a + noise * random.normal(size=a.shape)).astype("float32")
    metric = ContrastiveAccuracy()
    metric.update_state(a, b)
    assert float(metric.result()) == pytest.approx(
        reference.contrastive_accuracy(a, b), abs=1e-6
    )


def test_batches_are_averaged_by_their_views():
    axes = np.eye(6, dtype="float32")
    metric = ContrastiveAccuracy()
    metric.update_state(axes[:4], axes[:4])  # 8 views, all found
    metric.update_state(axes[:2], axes[1::-1])  # 4 views, none found
    assert float(metric.result()) == pytest.approx(8 / 12)


@pytest.mark.parametrize("value", [1.0, np.nan])
def test_collapsed_and_nan_projections_are_never_found(value):
    metric = ContrastiveAccuracy()
    metric.update_state(*np.full((2, 4, 8), value, "float32"))
    assert float(metric.result()) == 0.0


def test_shapes_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="must both have shape"):
        ContrastiveAccuracy().update_state(np.ones((4, 8)), np.ones((4, 7)))
