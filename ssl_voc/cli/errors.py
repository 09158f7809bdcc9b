"""Errors that a command reports in one line, and the exit status of each."""

import contextlib
import difflib
import errno
import os
from collections.abc import Callable, Iterable, Iterator

EXIT_DONE = 0
EXIT_DEFECT = 1
EXIT_BAD_INPUT = 2
EXIT_STOPPED_EARLY = 3


class BadInput(Exception):
    """The flags or the data cannot be worked with. Exit status 2.

    The message is one line for the person at the command line: what is wrong, what
    was expected, what came, and what to do.
    """


class StoppedEarly(Exception):
    """The run stopped before its end with its work saved. Exit status 3.

    The message says why it stopped and how to go on.
    """


class Diverged(StoppedEarly):
    """A training ended with NaN or infinite figures: started anew, it would again."""


def did_you_mean(
    name: str, names: Iterable[str], write: Callable[[str], object] = str
) -> str:
    """A sentence to append that names what was meant; nothing where none is close.

    Args:
        name: What was given.
        names: What there is.
        write: Function from the name that was meant to what is shown of it.
    """
    close = difflib.get_close_matches(name, names, n=1)
    return f" Did you mean {write(close[0])}?" if close else ""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of the machine or of a device is full.

    Args:
        error: An exception; each backend has a class of its own for it.
    """
    names = {parent.__name__ for parent in type(error).__mro__}
    full = names & {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}
    says_full = bool(full) or "RESOURCE_EXHAUSTED" in str(error)
    # TensorFlow has one class for both.
    return says_full and not is_full_disk(error)


def is_full_disk(error: BaseException) -> bool:
    """Whether the system or, in words of its own, a library had no room for a file."""
    numbers = errno.ENOSPC, errno.EDQUOT
    words = str(error)
    return getattr(error, "errno", None) in numbers or any(
        os.strerror(number) in words for number in numbers
    )


@contextlib.contextmanager
def as_bad_input(*kinds: type[Exception]) -> Iterator[None]:
    """Turns the errors of unusable data, weights or files into `BadInput`.

    Args:
        *kinds: Classes of errors; by default `ValueError` and `OSError`.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # by whoever read what the command prints
    except Exception as error:
        if isinstance(error, kinds or (ValueError, OSError)):
            raise BadInput(str(error)) from error
        raise
