import codecs

import pytest

from pipelines.photos.texts import decode_text

TEXT = "a b\r\ncafé\n"


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
        (b"", "cp1252"),
    ],
)
def test_text_is_the_same_in_every_encoding(mark, encoding):
    assert decode_text(mark + TEXT.encode(encoding)) == TEXT


def test_bytes_of_no_encoding_are_some_text():
    assert decode_text(b"") == ""
    assert decode_text(b"a\x81\xff") == "a\ufffd\u00ff"
