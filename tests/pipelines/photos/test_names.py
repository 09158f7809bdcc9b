import unicodedata

import pytest

from pipelines.photos.names import same_name


@pytest.mark.parametrize("name", ["café", "zoë/Ünal.jpg", "한국.png", "plain"])
def test_composed_and_decomposed_names_are_one_name(name):
    forms = {unicodedata.normalize(form, name) for form in ("NFC", "NFD")}
    assert len({same_name(form) for form in forms}) == 1
    assert same_name(name.upper()) != same_name(name)


def test_bytes_that_are_no_utf8_keep_their_place():
    assert same_name("caf\udce9") == "caf\udce9"
