"""Ctrl-C that waits, and Ctrl-C that does not."""

import signal
import threading

import pytest

from ssl_voc.cli.held_interrupts import HeldInterrupts


@pytest.fixture(autouse=True)
def python_handlers():
    """Both signals raise, as in a command; as before afterwards."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(n, signal.default_int_handler) for n in numbers]
    yield
    after = [signal.signal(*pair) for pair in zip(numbers, before, strict=True)]
    assert after == [signal.default_int_handler] * 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_wait_from_hold_to_release_and_are_heard_once(number):
    done = []
    with HeldInterrupts() as interrupts:
        interrupts.hold()
        signal.raise_signal(number)
        signal.raise_signal(number)
        done.append("written")
        with pytest.raises(KeyboardInterrupt):
            interrupts.release()
        interrupts.hold()
        interrupts.release()  # nothing waits any more
    assert done == ["written"]


def test_signals_that_nobody_holds_are_heard_at_once():
    with HeldInterrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        interrupts.hold()
        interrupts.release()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_an_error_in_between_leaves_signals_as_they_were():
    with pytest.raises(OSError), HeldInterrupts() as interrupts:
        interrupts.hold()
        signal.raise_signal(signal.SIGINT)
        raise OSError("the disk is full")
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_ignored_signals_stay_ignored():
    """As those of a shell's background jobs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with HeldInterrupts() as interrupts:
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        interrupts.hold()
        interrupts.release()
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is signal.SIG_IGN


def test_threads_hear_no_signals_and_change_none():
    failures = []

    def work():
        try:
            with HeldInterrupts() as interrupts:
                interrupts.hold()
                interrupts.release()
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert failures == []
