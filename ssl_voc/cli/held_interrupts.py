"""Ctrl-C held back while something is written that belongs together."""

import contextlib
import signal
import threading


class HeldInterrupts:
    """Lets Ctrl-C and a scheduler's SIGTERM wait between `hold` and `release`.

    A context manager: signals are as before behind the block, and what is still held
    then is dropped. Outside the main thread, which alone hears signals, it does
    nothing.
    """

    def __init__(self):
        self._before = {}  # handlers by number
        self._is_holding = False
        self._held = None  # number of the first signal that waits

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.getsignal(number)
                if callable(handler):  # else the signal is ignored, or kills
                    self._before[number] = handler
                    signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def hold(self):
        """Lets signals wait from now on, however many come."""
        self._is_holding = True

    def is_waiting(self):
        """Whether a signal waits."""
        return self._held is not None

    def release(self):
        """Lets signals through again; one that waited does now what it does."""
        self._is_holding = False
        if self._held is not None:
            number, self._held = self._held, None
            self._before[number](number, None)

    def _handle(self, number, frame):
        if not self._is_holding:
            self._before[number](number, frame)
        elif self._held is None:
            self._held = number
            # Inside another print, whose stream is not read, there is no second one.
            with contextlib.suppress(OSError, RuntimeError):
                print("stopping when the epoch is saved", flush=True)
