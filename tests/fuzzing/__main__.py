"""Damaged files of every format: none may end in a traceback, hang or fill the memory.

python -m tests.fuzzing --cases 200000 [--seed 0]

A case is a good file, damaged, and read as the commands read it; one case in
`--slow-every` is the file of a model or of a run. Good are an answer and
the errors that commands turn into one line; a case that takes more than 10 seconds, and
growth of the process beyond 1.5 GiB, are failures. Failing files are kept in --keep.
"""

import argparse
import collections
import contextlib
import io
import pathlib
import resource
import signal
import sys
import tempfile
import time
import warnings

import numpy as np

from ssl_voc.cli.errors import BadInput, as_bad_input
from tests.fuzzing.mutations import mutate
from tests.fuzzing.subjects import SUBJECTS

SECONDS = 10
MOST_GROWTH = 1.5 * 2**30
SLOW_EVERY = 400


class Hang(BaseException):
    """A case took too long. No `Exception`: a reader would call the file damaged."""


def run(cases, seed=0, keep=None, seconds=SECONDS, slow_every=SLOW_EVERY):
    """Runs cases, the subjects in turn.

    Args:
        cases: Their number.
        seed: Of all damages.
        keep: Folder for the files of failures, or None.
        seconds: What a case may take.
        slow_every: How many cases there are to one of `SLOW_SUBJECTS`; None for none.

    Returns:
        `(counts, failures)`: how many cases of each subject were read and refused, and
        a list of texts.
    """
    counts, failures = collections.Counter(), []
    subjects = [(subject, good()) for subject, good in SUBJECTS.items()]
    slow = _slow_subjects() if slow_every and cases >= slow_every else []
    before = _memory()
    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(),
        _alarm_raises_hang(seconds),
    ):
        warnings.simplefilter("ignore")
        for case in range(cases):
            if slow and case % slow_every == slow_every - 1:
                subject, files = slow[case // slow_every % len(slow)]
            else:
                subject, files = subjects[case % len(subjects)]
            random = np.random.default_rng([seed, case])
            content = mutate(files[random.integers(len(files))], random)
            signal.alarm(seconds)
            try:
                with contextlib.redirect_stdout(io.StringIO()), as_bad_input():
                    subject(pathlib.Path(folder), content)
                outcome = "read"
            except BadInput:
                outcome = "refused"
            except (Exception, Hang) as error:
                outcome = "failed"
                failures.append(f"{subject.__name__} {case}: {error!r}")
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{subject.__name__}-{seed}-{case}").write_bytes(content)
            finally:
                signal.alarm(0)
            counts[subject.__name__, outcome] += 1
    if _memory() - before > MOST_GROWTH:
        failures.append(f"the process grew by {(_memory() - before) / 2**30:.1f} GiB")
    return counts, failures


def _slow_subjects():
    from tests.fuzzing.slow_subjects import SLOW_SUBJECTS  # loads TensorFlow

    return [(subject, good()) for subject, good in SLOW_SUBJECTS.items()]


@contextlib.contextmanager
def _alarm_raises_hang(seconds):
    def raise_hang(*_):
        raise Hang(f"more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, raise_hang)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


def _memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--slow-every", type=int, default=SLOW_EVERY)
    parser.add_argument("--keep", type=pathlib.Path, default="runs/fuzzing")
    options = parser.parse_args()
    began = time.monotonic()
    counts, failures = run(
        options.cases, options.seed, options.keep, slow_every=options.slow_every
    )
    for (name, outcome), number in sorted(counts.items()):
        print(f"{name:28} {outcome:8} {number}")
    print("\n".join(failures[:50]))
    print(f"{len(failures)} failures, {(time.monotonic() - began) / 60:.1f} minutes")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
