import unicodedata

import pytest

from pipelines.photos.names import image_ids, same_name


@pytest.mark.parametrize("name", ["café", "zoë/Ünal.jpg", "한국.png", "plain"])
def test_composed_and_decomposed_names_are_one_name(name):
    forms = {unicodedata.normalize(form, name) for form in ("NFC", "NFD")}
    assert len({same_name(form) for form in forms}) == 1
    assert same_name(name.upper()) != same_name(name)


def test_bytes_that_are_no_utf8_keep_their_place():
    assert same_name("caf\udce9") == "caf\udce9"


@pytest.mark.parametrize(
    ("paths", "ids"),
    [
        (["cam1/a", "b"], ["a", "b"]),
        (["cam1/0", "cam2/0", "top"], ["cam1/0", "cam2/0", "top"]),
        (["siteA/cam1/0", "siteB/0"], ["siteA/cam1/0", "siteB/0"]),
        (["A/cafe\u0301", "B/caf\u00e9"], ["A/caf\u00e9", "B/caf\u00e9"]),
        (["cafe\u0301"], ["caf\u00e9"]),
        ([], []),
    ],
)
def test_photo_is_called_by_its_stem_or_where_several_have_it_by_its_path(paths, ids):
    assert image_ids(paths) == ids
