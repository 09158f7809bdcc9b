"""The short form of `make fuzz`, and proof that it would notice a defect."""

import pathlib

import pytest

from tests.fuzzing import __main__ as fuzzing
from tests.fuzzing.subjects import SUBJECTS


def test_good_files_are_read(tmp_path):
    for subject, good in SUBJECTS.items():
        for content in good():
            subject(tmp_path, content)


def test_damaged_files_are_read_or_refused():
    counts, failures = fuzzing.run(450, seed=1, slow_every=None)
    assert failures == [] and sum(counts.values()) == 450
    assert {name for name, _ in counts} == {each.__name__ for each in SUBJECTS}


@pytest.mark.slow
def test_files_of_models_and_runs_are_read_or_refused(tmp_path):
    from tests.fuzzing.slow_subjects import SLOW_SUBJECTS

    for subject, good in SLOW_SUBJECTS.items():
        for content in good():
            subject(tmp_path, content)
    # Of which the first traces what the others run: no time to judge a hang by.
    cases = 2 * len(SLOW_SUBJECTS)
    counts, failures = fuzzing.run(cases, seed=1, seconds=60, slow_every=1)
    assert failures == [] and sum(counts.values()) == cases
    assert {name for name, _ in counts} == {each.__name__ for each in SLOW_SUBJECTS}


def test_a_traceback_and_a_hang_are_noticed(monkeypatch, tmp_path):
    def fails(folder, content):
        raise KeyError("id")

    def hangs(folder, content):
        try:
            while True:
                pass
        except Exception as error:  # as readers of photos do
            raise ValueError("cannot be read") from error

    subjects = {fails: lambda: [b"file"], hangs: lambda: [b"file"]}
    monkeypatch.setattr(fuzzing, "SUBJECTS", subjects)
    _, failures = fuzzing.run(2, keep=tmp_path, seconds=1)
    assert [text.split()[0] for text in failures] == ["fails", "hangs"]
    assert "more than 1 seconds" in failures[1]
    assert len([*pathlib.Path(tmp_path).iterdir()]) == 2
