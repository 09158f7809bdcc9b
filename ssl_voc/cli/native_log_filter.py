"""Filter of the log lines that native libraries write."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

# TensorFlow writes these whatever TF_CPP_MIN_LOG_LEVEL says: its log library is not
# yet initialized. Lines of its levels W, E and F are passed on.
_NOISE = re.compile(
    r"I\d{4} |WARNING: All log messages before absl::InitializeLog|"
    r"To enable the following instructions: |"
    r"E\d{4} .*failed call to cuInit"  # all it says is that there is no GPU
)


@contextlib.contextmanager
def filter_native_logs() -> Iterator[None]:
    """Holds back stderr inside the block and drops its informational lines after it.

    Everything else is passed on when the block ends, also by an exception. A
    tensorflow that is loaded inside logs fatal errors alone from then on: what else
    goes wrong raises, and on each run it logs two errors that are none. With
    `TF_CPP_MIN_LOG_LEVEL=0`, or where no temporary file can be made, nothing is held
    back.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    held = None
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] != "0":
        with contextlib.suppress(OSError):  # no folder has room for it
            held = tempfile.TemporaryFile()
    if held is None:
        yield
        return
    sys.stderr.flush()
    original = os.dup(2)
    with held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            os.close(original)
            held.seek(0)
            for line in held.read().decode("utf-8", "replace").splitlines():
                if not _NOISE.match(line):
                    print(line, file=sys.stderr, flush=True)
