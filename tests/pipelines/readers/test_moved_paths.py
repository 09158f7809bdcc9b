import pytest

from pipelines.readers.moved_paths import MovedPaths
from pipelines.readers.path_spellings import PathSpellings


@pytest.fixture
def moved(tmp_path):
    """Returns `moved(files, entries)`: `MovedPaths` of a folder with empty files."""

    def moved(files, entries):
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return MovedPaths(entries, [tmp_path], PathSpellings())

    return moved


def test_one_folder_of_the_other_machine_stands_for_one_here(moved, tmp_path):
    entries = ["/gone/set/a/1.jpg", "/gone/set/b/2.jpg", "/gone/set/b/3.jpg"]
    paths = moved(["a/1.jpg", "b/2.jpg"], entries)
    found = [tmp_path / "a/1.jpg", tmp_path / "b/2.jpg", None]
    assert [paths.find(entry) for entry in entries] == found
    assert paths.find("/gone/other/a/1.jpg") is None
    assert paths.find("a/1.jpg") is None


@pytest.mark.parametrize(
    "entries",
    [
        ["/gone/x/a/1.jpg", "/gone/y/a/1.jpg"],  # of two folders
        ["/gone/1.jpg"],  # by its last part alone
        ["/gone/x/a/1.jpg", "./a/1.jpg"],
        ["/gone/x/a/1.jpg", "../A"],
        ["/gone/x/a/1.jpg", "{here}/a"],
    ],
)
def test_what_may_be_another_photo_is_not_found(entries, moved, tmp_path):
    entries = [entry.format(here=tmp_path) for entry in entries]
    paths = moved(["a/1.jpg", "1.jpg"], entries)
    assert [*map(paths.find, entries)] == [None] * len(entries)
