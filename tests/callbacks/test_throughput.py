"""Speed, waiting and time left, by a clock that the test moves."""

import types

import pytest

from ssl_voc.callbacks.throughput import Pace


class Clock:
    """Stands still until told."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def train(pace, clock, epoch, step_seconds, first_step_seconds=None):
    pace.begin_epoch(epoch)
    for step in range(pace.steps_per_epoch):
        slow = first_step_seconds is not None and step == 0
        clock.now += first_step_seconds if slow else step_seconds
        pace.end_step(step + 1)


def test_speed_leaves_the_compiling_step_out(clock):
    pace = Pace(3, 5, clock=clock)
    train(pace, clock, 0, step_seconds=0.5, first_step_seconds=60)
    assert pace.steps_per_second == pytest.approx(2.0)
    assert pace.epoch_seconds == pytest.approx(62.0)


def test_later_epochs_count_every_step(clock):
    pace = Pace(3, 5, clock=clock)
    train(pace, clock, 0, step_seconds=0.5, first_step_seconds=60)
    train(pace, clock, 1, step_seconds=0.25)
    assert pace.steps_per_second == pytest.approx(4.0)


def test_time_left_counts_steps_and_the_pauses_between_epochs(clock):
    pace = Pace(total_epochs=4, steps_per_epoch=10, clock=clock)
    train(pace, clock, 0, step_seconds=1.0, first_step_seconds=60)
    # Nothing is known of pauses yet: 3 epochs of 10 steps.
    assert pace.seconds_left == pytest.approx(30.0)
    clock.now += 7.0
    pace.begin_epoch(1)
    clock.now += 4.0
    pace.end_step(4)
    # 6 + 2 * 10 steps of a second, 2 pauses of 7 seconds.
    assert pace.seconds_left == pytest.approx(26.0 + 14.0)


def test_time_left_is_unknown_before_a_measured_step(clock):
    pace = Pace(2, 5, clock=clock)
    assert pace.seconds_left is None
    pace.begin_epoch(0)
    clock.now += 60
    pace.end_step(1)
    assert pace.seconds_left is None
    assert pace.steps_per_second is None


def test_resumed_run_counts_the_epochs_that_are_left(clock):
    pace = Pace(total_epochs=10, steps_per_epoch=5, clock=clock)
    train(pace, clock, 8, step_seconds=2.0)
    assert pace.seconds_left == pytest.approx(5 * 2.0)


def test_wait_share_is_that_of_the_epoch_after_the_first_step(clock):
    timer = types.SimpleNamespace(seconds=0.0)
    pace = Pace(2, 5, timer, clock=clock)
    pace.begin_epoch(0)
    timer.seconds, clock.now = 30.0, clock.now + 60.0
    pace.end_step(1)
    assert pace.data_wait_share is None
    timer.seconds, clock.now = 31.0, clock.now + 4.0
    pace.end_step(5)
    assert pace.data_wait_share == pytest.approx(0.25)
    pace.begin_epoch(1)
    clock.now += 4.0
    pace.end_step(5)
    assert pace.data_wait_share == 0.0


def test_wait_share_is_unknown_without_timer(clock):
    pace = Pace(2, 5, clock=clock)
    train(pace, clock, 0, step_seconds=1.0)
    assert pace.data_wait_share is None


def test_steps_reported_late_do_not_go_backwards(clock):
    pace = Pace(2, 5, clock=clock)
    pace.begin_epoch(0)
    pace.end_step(3)
    pace.end_step(2)
    assert pace.steps_done == 3
