"""Entry point of a command: flags, errors, exit status."""

import contextlib
import errno
import os
import select
import signal
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from ssl_voc.cli.errors import (
    EXIT_BAD_INPUT,
    EXIT_DEFECT,
    EXIT_DONE,
    EXIT_STOPPED_EARLY,
    BadInput,
    StoppedEarly,
    is_full_disk,
    is_out_of_memory,
)

# Progress bars in the terminal: what ends a command early leaves them open.
open_bars = weakref.WeakSet()
# Errors of the system that no input check foresees, and no defect makes.
_REFUSALS = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG),
    *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE),
}


def command_main(
    function: Callable[[Any], object],
    config_class: type,
    command: str,
    description: str,
) -> Callable[..., int]:
    """Makes the `main(argv=None)` of a command.

    It parses the flags (those of the process without `argv`), runs the command and
    turns what it raises into an exit status: 0 done, 2 bad input or flags, 3 stopped
    early, interrupted, or writing to a closed pipe, 1 a defect, whose traceback goes
    to stderr. What the system refuses, such as a folder without permission, and a full
    memory are 2.
    `--help` raises `SystemExit(0)`.

    Args:
        function: The command's importable function. Takes the config.
        config_class: Frozen dataclass that `ssl_voc.cli.flags.parse` understands.
        command: Name of the command as in `python -m ssl_voc.COMMAND`.
        description: First lines of `--help`.
    """

    def main(argv: Sequence[str] | None = None) -> int:
        """Runs the command on `argv`; returns its exit status."""
        from ssl_voc.cli import flags

        open_missing_streams()
        if threading.current_thread() is threading.main_thread():
            # A scheduler's SIGTERM ends a run as Ctrl-C does.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(AttributeError):  # a stream of a caller's own
            # Names of files may hold bytes that are no UTF-8.
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            function(flags.parse(config_class, argv, command, description))
        except BadInput as error:
            _print_line("error", error)
            return EXIT_BAD_INPUT
        except (StoppedEarly, KeyboardInterrupt) as error:
            # A command that saves on Ctrl-C raises StoppedEarly, saying how to go on.
            _print_line("stopped", str(error) or "interrupted")
            return EXIT_STOPPED_EARLY
        except Exception as error:
            streams = (sys.stdout, sys.stderr)
            if isinstance(error, BrokenPipeError):
                if any(map(_has_lost_reader, streams)):
                    return EXIT_STOPPED_EARLY
            elif getattr(error, "errno", None) in _REFUSALS or is_full_disk(error):
                _print_line("error", f"the system refused: {error}")
                return EXIT_BAD_INPUT
            elif is_out_of_memory(error):
                can_shrink = "batch_size" in config_class.__dataclass_fields__
                hint = " Try a smaller --batch-size." * can_shrink
                _print_line("error", f"the memory is full.{hint}")
                return EXIT_BAD_INPUT
            _close_bars()
            traceback.print_exc()
            return EXIT_DEFECT
        finally:
            flush_output()
        return EXIT_DONE

    return main


def open_missing_streams() -> None:
    """Opens what `sys` lacks under `pythonw`, or where a stream is closed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", errors="backslashreplace"))


def flush_output() -> None:
    """Writes what was printed, unless its reader is gone, or its disk is full."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            # Python flushes once more at its end, and would complain there.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _has_lost_reader(stream: Any) -> bool:
    """Whether a stream is a pipe whose reader has closed it."""
    if not hasattr(select, "poll"):  # Windows
        return True
    poll = select.poll()
    try:
        poll.register(stream, 0)
    except (AttributeError, OSError, TypeError):  # a stream of a caller's own
        return False
    return bool(poll.poll(0))


def _close_bars() -> None:
    """Ends the lines of progress bars, so that what is said next begins one."""
    with contextlib.suppress(OSError):  # of a terminal that is gone
        while open_bars:
            open_bars.pop().close()


def _print_line(kind: str, message: object) -> None:
    _close_bars()
    flush_output()
    with contextlib.suppress(OSError):  # of a full disk, where the status tells
        # A message may quote a library's error of several lines.
        print(f"{kind}: {' '.join(str(message).split())}", file=sys.stderr)
