"""Speed, waiting and time left, by a clock that the test moves."""

import types
from unittest import mock

import pytest

from ssl_voc.callbacks.throughput import Throughput


@pytest.fixture
def clock():
    """Stands still until told."""
    clock = mock.Mock(side_effect=lambda: clock.now)
    clock.now = 100.0
    return clock


def train(throughput, clock, epoch, step_seconds, first_step_seconds=None):
    throughput.begin_epoch(epoch)
    for step in range(throughput.steps_per_epoch):
        slow = first_step_seconds is not None and step == 0
        clock.now += first_step_seconds if slow else step_seconds
        throughput.end_step(step + 1)


def test_speed_leaves_the_compiling_step_out(clock):
    throughput = Throughput(3, 5, clock=clock)
    train(throughput, clock, 0, step_seconds=0.5, first_step_seconds=60)
    assert throughput.steps_per_second == pytest.approx(2.0)
    assert throughput.epoch_seconds == pytest.approx(62.0)
    assert throughput.data_wait_share is None  # no timer
    train(throughput, clock, 1, step_seconds=0.25)
    assert throughput.steps_per_second == pytest.approx(4.0)


def test_time_left_counts_steps_and_the_pauses_between_epochs(clock):
    throughput = Throughput(total_epochs=4, steps_per_epoch=10, clock=clock)
    assert throughput.seconds_left is None
    throughput.begin_epoch(0)
    clock.now += 60
    throughput.end_step(1)  # not yet a measured step
    assert throughput.seconds_left is None and throughput.steps_per_second is None
    clock.now += 9
    throughput.end_step(10)
    # Nothing is known of pauses yet: 3 epochs of 10 steps.
    assert throughput.seconds_left == pytest.approx(30.0)
    clock.now += 7.0
    throughput.begin_epoch(1)
    clock.now += 4.0
    throughput.end_step(4)
    throughput.end_step(3)  # reported late
    # 6 + 2 * 10 steps of a second, 2 pauses of 7 seconds.
    assert throughput.seconds_left == pytest.approx(26.0 + 14.0)


def test_resumed_run_counts_the_epochs_that_are_left(clock):
    throughput = Throughput(total_epochs=10, steps_per_epoch=5, clock=clock)
    train(throughput, clock, 8, step_seconds=2.0)
    assert throughput.seconds_left == pytest.approx(5 * 2.0)


def test_wait_share_is_that_of_the_epoch_after_the_first_step(clock):
    timer = types.SimpleNamespace(seconds=0.0)
    throughput = Throughput(2, 5, timer, clock=clock)
    throughput.begin_epoch(0)
    timer.seconds, clock.now = 30.0, clock.now + 60.0
    throughput.end_step(1)
    assert throughput.data_wait_share is None
    timer.seconds, clock.now = 31.0, clock.now + 4.0
    throughput.end_step(5)
    assert throughput.data_wait_share == pytest.approx(0.25)
    throughput.begin_epoch(1)
    clock.now += 4.0
    throughput.end_step(5)
    assert throughput.data_wait_share == 0.0
