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
        (["cam1/a.jpg", "b.c.png"], ["a", "b.c"]),
        (["cam1/0.jpg", "cam2/0.jpg", "top.jpg"], ["cam1/0", "cam2/0", "top"]),
        (["siteA/cam1/0.jpg", "siteB/0.png"], ["siteA/cam1/0", "siteB/0"]),
        (["A/cafe\u0301.jpg", "B/caf\u00e9.jpg"], ["A/caf\u00e9", "B/caf\u00e9"]),
        (["cafe\u0301.jpg"], ["caf\u00e9"]),
        (["a/1.jpg", "a/1.png", "b/1.jpg"], ["a/1.jpg", "a/1.png", "b/1"]),
        (["1.jpg", "a/1.jpg"], ["1", "a/1"]),
        (["1.jpg", "1.png", "a/1"], ["1.jpg", "1.png", "a/1"]),
        (["1.jpg", "1.jpg.png"], ["1", "1.jpg"]),
        (["1.jpg", "1.png", "b/1.jpg.png"], ["1.jpg", "1.png", "b/1.jpg.png"]),
        (["cafe\u0301.jpg", "caf\u00e9.jpg"], ["caf\u00e9.jpg", "caf\u00e9.jpg"]),
        ([], []),
    ],
)
def test_photo_is_called_by_the_least_of_its_path_that_is_its_own(paths, ids):
    assert image_ids(paths) == ids
