import unicodedata

import pytest

from pipelines.readers.path_spellings import PathSpellings


@pytest.fixture
def folder(tmp_path):
    """A folder of files whose names are decomposed, as macOS writes them."""
    names = ["Labels/A.TXT", "Labels/b.txt", "Labels/B.txt", "Labels/cafe\u0301.txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("Labels/A.TXT", "Labels/A.TXT"),
        ("labels/a.txt", "Labels/A.TXT"),
        ("./images/../LABELS", "Labels"),
        ("labels/b.txt", None),  # either may be meant
        ("Labels/b.txt", "Labels/b.txt"),
        ("labels/caf\u00e9.txt", "Labels/cafe\u0301.txt"),
        ("labels/c.txt", None),
        ("labels/A.TXT/x", None),
        ("gone/a.txt", None),
        ("labels/a\0.txt", None),
    ],
)
def test_path_is_found_if_one_is_spelled_alike(asked, found, folder):
    expected = found and folder / found
    assert PathSpellings().find(folder / asked) == expected
    if found:
        (folder / "x").mkdir()
        decomposed = unicodedata.normalize("NFD", asked)
        assert PathSpellings().find(folder / "x" / ".." / decomposed) == expected


def test_folder_that_cannot_be_read_holds_nothing(folder, lock):
    lock(folder / "Labels")
    assert PathSpellings().find(folder / "Labels" / "a.txt") is None
