import dataclasses

import numpy as np
import pytest

from pipelines.photos.photo import Photos, Problem
from pipelines.photos.photo_tables import (
    photo_table,
    problem_table,
    read_photo_table,
    select_photos,
)
from tests.pipelines.photos.labelled_photos import photo

HASHES = np.array([0, 2**64 - 1, 0x0123456789ABCDEF], "uint64")


@pytest.fixture
def photos():
    return Photos([photo("a"), photo("b c"), photo("кот")], "set")


@pytest.fixture
def table_of(tmp_path):
    """Returns `table_of(photos, hashes)`: the table of photos, written and read."""

    def table_of(photos, hashes=None):
        path = tmp_path / "ids.tsv"
        text = photo_table(photos, range(len(photos)) if hashes is None else hashes)
        path.write_bytes(text.encode())
        return read_photo_table(path)

    return table_of


def test_what_is_written_is_read(photos, table_of):
    text = photo_table(photos, HASHES)
    assert text.splitlines()[0] == "image_id\tsource\tperceptual_hash"
    assert text.splitlines()[3] == "кот\tset\t0123456789abcdef"
    assert text.endswith("\n")
    table = table_of(photos, HASHES)
    assert table.image_ids == ("a", "b c", "кот") and table.sources == ("set",) * 3
    np.testing.assert_array_equal(table.hashes, HASHES)
    assert table.hashes.dtype == np.uint64 and len(table) == 3
    assert len(table_of([])) == 0


def test_listed_photos_are_selected_by_source_in_their_order_and_none_may_miss(
    photos, table_of
):
    chosen = select_photos(photos, table_of([photos[2], photos[0]]))
    assert [photo.image_id for photo in chosen] == ["a", "кот"]
    other = Photos([dataclasses.replace(photos[0], source="other"), *photos], "both")
    assert list(select_photos(other, table_of([photos[0]]))) == [photos[0]]
    with pytest.raises(ValueError, match="1 of the 3 photos.*ids.tsv.*'a' of 'set'"):
        select_photos(photos[1:], table_of(photos))


def test_photos_are_found_by_a_list_that_was_written_with_other_unicode_forms(table_of):
    composed, decomposed = photo("siteA/caf\u00e9"), photo("siteA/cafe\u0301")
    for listed, there in ((composed, decomposed), (decomposed, composed)):
        photos = Photos([there, photo("siteB/caf\u00e9")], "set")
        assert list(select_photos(photos, table_of([listed]))) == [there]


def test_names_with_tabs_and_line_breaks_keep_the_columns(table_of):
    strange = Photos([photo("a\tb\nc\r\x85d\u2028e")], "set")
    table = table_of(strange, [7])
    assert len(table) == 1 and table.hashes.tolist() == [7]
    assert list(select_photos(strange, table)) == list(strange)


def test_left_out_photos_take_a_line_each_whatever_they_are_called(tmp_path):
    # A name in Latin-1, as Python reads it, cannot be written as UTF-8.
    names = ["a\tb\nc.jpg", "caf\udce9.jpg"]
    text = problem_table([Problem(name, "is\nempty") for name in names])
    (tmp_path / "skipped.txt").write_text(text, "utf-8")
    lines = (tmp_path / "skipped.txt").read_text("utf-8").split("\n")
    assert lines == ["a b c.jpg\tis empty", "caf?.jpg\tis empty", ""]
    assert problem_table([]) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "first line must be the columns"),
        ("id,source\n", "first line must be the columns"),
        ("image_id\tsource\na\tb\n", "first line must be the columns"),
        ("image_id\tsource\tperceptual_hash\na\n", "line 2: expected 3 columns"),
        ("image_id\tsource\tperceptual_hash\na\tb\txyz\n", "16 hexadecimal"),
        (f"image_id\tsource\tperceptual_hash\na\tb\t{'f' * 17}\n", "16 hexadecimal"),
    ],
)
def test_other_files_are_refused_by_name(text, reason, tmp_path):
    (tmp_path / "x.tsv").write_text(text)
    with pytest.raises(ValueError, match=f"x.tsv.*{reason}"):
        read_photo_table(tmp_path / "x.tsv")
