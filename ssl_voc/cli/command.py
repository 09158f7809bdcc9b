"""Entry point of a command: flags, errors, exit status."""

import contextlib
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from ssl_voc.cli.errors import (
    EXIT_BAD_INPUT,
    EXIT_DEFECT,
    EXIT_DONE,
    EXIT_STOPPED_EARLY,
    BadInput,
    StoppedEarly,
)


def run_command(
    function: Callable[[Any], object],
    config_class: type,
    argv: Sequence[str] | None,
    command: str,
    description: str,
) -> int:
    """Parses the flags, runs a command and turns what it raises into an exit status.

    Args:
        function: The command's importable function. Takes the config.
        config_class: Frozen dataclass that `ssl_voc.cli.flags.parse` understands.
        argv: Arguments after the command's name. `None` reads `sys.argv`.
        command: Name of the command as in `python -m ssl_voc.COMMAND`.
        description: First lines of `--help`.

    Returns:
        0 done, 2 bad input or flags, 3 stopped early or interrupted, 1 a defect,
        whose traceback goes to stderr.

    Raises:
        SystemExit: With status 0, after `--help`.
    """
    from ssl_voc.cli import flags

    _treat_termination_as_interrupt()
    with contextlib.suppress(AttributeError):  # a stream of a caller's own
        # Names of files may hold bytes that are no UTF-8.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        function(flags.parse(config_class, argv, command, description))
    except BadInput as error:
        _print_line("error", error)
        return EXIT_BAD_INPUT
    except StoppedEarly as error:
        _print_line("stopped", error)
        return EXIT_STOPPED_EARLY
    except KeyboardInterrupt:
        # A command that saves on Ctrl-C raises StoppedEarly, saying how to go on.
        _print_line("stopped", "interrupted")
        return EXIT_STOPPED_EARLY
    except Exception:
        traceback.print_exc()
        return EXIT_DEFECT
    return EXIT_DONE


def command_main(
    function: Callable[[Any], object],
    config_class: type,
    command: str,
    description: str,
) -> Callable[..., int]:
    """Makes the `main` of a command; arguments as of `run_command`."""

    def main(argv: Sequence[str] | None = None) -> int:
        """Runs the command.

        Args:
            argv: Arguments; `None` reads those of the process.

        Returns:
            Exit status: 0 done, 2 bad input, 3 stopped early or interrupted, 1 a
            defect.
        """
        return run_command(function, config_class, argv, command, description)

    return main


def _treat_termination_as_interrupt() -> None:
    """Lets a scheduler's SIGTERM end a run as Ctrl-C does."""

    def interrupt(signal_number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupt)


def _print_line(kind: str, message: object) -> None:
    sys.stdout.flush()
    # A message may quote a library's error of several lines.
    print(f"{kind}: {' '.join(str(message).split())}", file=sys.stderr, flush=True)
