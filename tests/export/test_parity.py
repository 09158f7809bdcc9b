"""Parity check where the artifact refuses photos."""

from types import SimpleNamespace

import numpy as np
import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.export import parity
from ssl_voc.serving.image_decoding import DAMAGED, UNKNOWN, XMP_ORIENTATION


@pytest.mark.parametrize(
    ("errors", "complaint"),
    [
        ([UNKNOWN, XMP_ORIENTATION], "not one is of a format that is served"),
        ([UNKNOWN, DAMAGED], f"refuses b.jpg.*{DAMAGED}"),
    ],
)
def test_photos_of_other_formats_are_left_out_and_damaged_ones_named(
    monkeypatch, errors, complaint
):
    answers = {"errors": np.array(errors)}
    monkeypatch.setattr(
        parity, "ask_artifact", lambda *_: {"batch": answers, "single": answers}
    )
    photos = [SimpleNamespace(path_name=f"{name}.jpg") for name in "ab"]
    held = SimpleNamespace(photos=photos, source="folder", encoded=None)
    held.select = lambda mask: SimpleNamespace(photos=np.array(photos)[mask])
    with pytest.raises(BadInput, match=complaint):
        parity.check_parity(None, None, held, None)
