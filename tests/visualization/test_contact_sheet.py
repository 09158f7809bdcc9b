import dataclasses

import numpy as np
import pytest

from ssl_voc.visualization.box_outlines import BoxOutline, BoxStyle
from ssl_voc.visualization.contact_sheet import (
    Tile,
    draw_contact_sheet,
    image_tile,
    photo_tile,
)
from ssl_voc.visualization.style import INK
from tests.photos_in_memory import build_photo
from tests.visualization.pixels import is_like, pixels_of

ORANGE = BoxStyle("true box", (230, 159, 0))
GROUND = (0, 160, 60)  # no text has this color
MARGIN, GAP, CAPTION_LINE = 12, 8, 14


def draw(tmp_path, *sections, **options):
    path = tmp_path / "sheet.png"
    draw_contact_sheet(path, sections, **{"num_columns": 2, **options})
    return pixels_of(path)


@pytest.mark.parametrize("side", [32, 96, 200])
def test_every_pixel_of_an_image_is_there(tmp_path, side):
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3))
    shown = draw(tmp_path, ("", [image_tile(image)] * 3))
    scale = max(1, 128 // side)
    enlarged = image.repeat(scale, axis=0).repeat(scale, axis=1)
    places = slice(MARGIN, MARGIN + scale * side)
    np.testing.assert_array_equal(shown[places, places], enlarged)
    # Three images on two columns: the last cell stays white.
    assert (shown[-side // 2 :, -side // 2 :] == 255).all()


def test_float_images_are_clipped_and_sizes_may_differ(tmp_path):
    images = [np.full((64, 32, 3), 300.0), np.full((32, 64, 3), -5.0)]
    shown = draw(tmp_path, ("", [image_tile(image) for image in images]))
    assert set(np.unique(shown)) == {0, 255}
    assert np.count_nonzero((shown == 0).all(axis=-1)) == 2 * 32 * 2 * 64


def test_box_of_an_image_grows_with_its_pixels(tmp_path):
    outline = BoxOutline(np.array([4, 8, 20, 24]), ORANGE)
    tile = image_tile(np.full((32, 32, 3), GROUND), "", [outline])
    rows, columns = np.nonzero(is_like(np.asarray(tile.draw()), ORANGE.color, 1))
    assert (columns.min(), columns.max() + 1) == (4 * 4, 20 * 4)
    assert (rows.min(), rows.max() + 1) == (8 * 4, 24 * 4)


PHOTO = build_photo("p", np.full((60, 120, 3), GROUND, "uint8"))


def test_box_of_a_photo_is_scaled_with_it():
    outline = BoxOutline(np.array([0, 10, 40, 50]), ORANGE)
    tile = photo_tile(PHOTO, 240, "a", [outline])
    assert tile.pixels.shape == (120, 240, 3)
    np.testing.assert_array_equal(tile.outlines[0].box, [0, 20, 80, 100])


def test_photo_that_is_gone_is_gray():
    class Gone:
        def load(self):
            raise FileNotFoundError("gone.png")

    photo = dataclasses.replace(PHOTO, content=Gone())
    assert (photo_tile(photo, 60).pixels == 200).all()


def test_captions_title_and_legend_make_room_for_themselves(tmp_path):
    pixels = np.full((50, 200, 3), GROUND, "uint8")
    plain = draw(tmp_path, ("", [Tile(pixels)] * 2))
    titled = draw(
        tmp_path,
        ("", [Tile(pixels, "photo 1\nview a"), Tile(pixels, "photo 2")]),
        title="A title",
        legend=[ORANGE],
    )
    top = np.flatnonzero(is_like(titled, GROUND, 3).any(axis=1))[0]
    assert top - MARGIN == titled.shape[0] - plain.shape[0] > 2 * CAPTION_LINE
    ink = tuple(int(INK[place : place + 2], 16) for place in (1, 3, 5))
    assert is_like(titled[top - 2 * CAPTION_LINE : top], ink).sum() > 50
    assert is_like(titled[:top], ORANGE.color).sum() > 20


def test_caption_is_cut_to_its_tile_and_shown_as_it_is(tmp_path):
    pixels = np.full((50, 120, 3), GROUND, "uint8")
    # A file's name in Latin-1 as Python reads it, one that the font cannot show, and
    # what matplotlib takes for a formula.
    captions = ["a very long name " * 9, "caf\udce9 猫\t", "$x^$", ""]
    tiles = [Tile(pixels, caption) for caption in captions]
    shown = draw(tmp_path, ("", tiles), num_columns=4)
    assert shown.shape[1] == 2 * MARGIN + 4 * (120 + GAP) - GAP + 3 * GAP
    above = shown[MARGIN : MARGIN + CAPTION_LINE].min(axis=(0, 2)) < 128
    for number, text in enumerate(captions):
        left = MARGIN + number * (120 + 2 * GAP)
        assert above[left : left + 120].any() == bool(text)
        assert not above[left + 120 : left + 120 + GAP].any()


def test_sections_begin_with_their_heading_and_groups_stand_together(tmp_path):
    tiles = [Tile(np.full((50, 120, 3), GROUND, "uint8"))] * 4
    shown = draw(
        tmp_path, ("first", tiles), ("", tiles[:1]), num_columns=4, tiles_per_group=2
    )
    is_ground = is_like(shown, GROUND, 3)
    columns = np.flatnonzero(np.diff(is_ground.any(axis=0).astype(int)))
    assert np.diff(columns)[1::2].tolist() == [GAP, 2 * GAP, GAP]
    rows = np.flatnonzero(np.diff(is_ground.any(axis=1).astype(int)))
    assert rows[0] > MARGIN + 20 and rows[2] - rows[1] == MARGIN


def test_sheet_without_tiles_shows_title_and_legend(tmp_path):
    shown = draw(tmp_path, ("", []), title="none of 9 photos", legend=[ORANGE])
    assert shown.shape[1] > 2 * 240 and is_like(shown, ORANGE.color).any()
