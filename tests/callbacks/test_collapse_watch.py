"""`CollapseWatch`: projections that stay the same, and NaN."""

import pytest

from ssl_voc.callbacks import CollapseWatch
from ssl_voc.cli.errors import StoppedEarly
from tests.callbacks.watched_epoch import run_epoch


def test_collapsed_steps_in_a_row_stop_with_reason_and_advice():
    watch = CollapseWatch(advice="Try --objective simclr")
    watch.remember([{"loss": 0.1, "spread": 0.05}], 900)
    run_epoch(watch, 900, spread=0.3)  # it spread again
    run_epoch(watch, 999, spread=0.09)
    with pytest.raises(
        StoppedEarly, match="1000 steps.*collapsed.*simclr, in a new --out.$"
    ):
        run_epoch(watch, 1, spread=0.0)


def test_a_spread_that_is_not_known_is_no_collapse():
    watch = CollapseWatch()
    run_epoch(watch, 5000, spread=None)
    run_epoch(watch, 5000)


def test_nan_stops_too():
    with pytest.raises(StoppedEarly, match="loss is nan"):
        run_epoch(CollapseWatch(), 3, loss=float("nan"))
