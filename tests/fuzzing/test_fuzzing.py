"""The short form of `make fuzz`, and proof that it would notice a defect."""

import pathlib

from tests.fuzzing import __main__ as fuzzing
from tests.fuzzing.subjects import SUBJECTS


def test_good_files_are_read(tmp_path):
    for subject, good in SUBJECTS.items():
        for content in good():
            subject(tmp_path, content)


def test_damaged_files_are_read_or_refused():
    counts, failures = fuzzing.run(450, seed=1)
    assert failures == [] and sum(counts.values()) == 450
    assert {name for name, _ in counts} == {each.__name__ for each in SUBJECTS}


def test_a_traceback_and_a_hang_are_noticed(monkeypatch, tmp_path):
    def fails(folder, content):
        raise KeyError("id")

    def hangs(folder, content):
        while True:
            pass

    subjects = {fails: lambda: [b"file"], hangs: lambda: [b"file"]}
    monkeypatch.setattr(fuzzing, "SUBJECTS", subjects)
    _, failures = fuzzing.run(2, keep=tmp_path, seconds=1)
    assert [text.split()[0] for text in failures] == ["fails", "hangs"]
    assert len([*pathlib.Path(tmp_path).iterdir()]) == 2
