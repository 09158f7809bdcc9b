"""Pictures, read back."""

import numpy as np
import pytest
from PIL import Image

from ssl_voc.visualization import curves

BLUE = (31, 119, 180)


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def num_like(pixels, color):
    return np.count_nonzero(np.abs(pixels - color).max(axis=-1) < 40)


def test_curve_of_each_panel_is_drawn(tmp_path):
    rows = [{"epoch": e, "loss": 5 / e, "top1": e / 10} for e in range(1, 9)]
    loss, top1 = curves.Panel(("loss",), "loss"), curves.Panel(("top1",), "top-1")
    curves.plot_curves(rows, tmp_path / "one.png", [loss])
    curves.plot_curves(rows, tmp_path / "two.png", [loss, top1])
    one, two = pixels_of(tmp_path / "one.png"), pixels_of(tmp_path / "two.png")
    assert two.shape[1] == 2 * one.shape[1]
    for panel in (two[:, : one.shape[1]], two[:, one.shape[1] :]):
        assert num_like(panel, BLUE) > 200


def test_fields_without_a_panel_stay_blank(tmp_path):
    rows = [{"epoch": e, **{str(n): e for n in range(4)}} for e in range(1, 9)]
    panels = [curves.Panel((str(n),), str(n)) for n in range(4)]
    curves.plot_curves(rows, tmp_path / "four.png", panels)
    pixels = pixels_of(tmp_path / "four.png")
    # Three columns: the second line holds the fourth panel and two empty fields.
    empty = pixels[pixels.shape[0] // 2 + 10 :, pixels.shape[1] // 3 + 10 :]
    assert empty.min() == 255


def test_nan_leaves_a_gap_and_a_missing_figure_does_not(tmp_path):
    def blue(rows, name):
        panel = curves.Panel(("knn",), "k-NN")
        curves.plot_curves(rows, tmp_path / name, [panel])
        return num_like(pixels_of(tmp_path / name), BLUE)

    ends = [{"epoch": 1, "knn": 0.5}, {"epoch": 9, "knn": 0.5}]
    sparse = blue([ends[0], {"epoch": 5}, ends[1]], "sparse.png")
    broken = blue([ends[0], {"epoch": 5, "knn": None}, ends[1]], "broken.png")
    assert sparse > 5 * broken > 0


def test_chance_is_marked_and_inside_the_axes(tmp_path):
    rows = [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 0.9}]

    def dark_rows(chance):
        panel = curves.Panel(("loss",), "loss", chance=chance)
        curves.plot_curves(rows, tmp_path / "curves.png", [panel])
        dark = (pixels_of(tmp_path / "curves.png") < 100).all(axis=-1)
        return (dark.mean(axis=1) > 0.4).sum()

    # The axis itself is one dark line, the dashes of chance another.
    assert dark_rows(chance=5.5) > dark_rows(chance=None)


def test_panel_without_figures_is_left_out(tmp_path):
    rows = [{"epoch": 1, "loss": 1.0, "knn": None}]
    empty = curves.Panel(("knn", "other"), "k-NN")
    curves.plot_curves(
        rows, tmp_path / "a.png", [curves.Panel(("loss",), "loss"), empty]
    )
    curves.plot_curves(rows, tmp_path / "b.png", [curves.Panel(("loss",), "loss")])
    assert pixels_of(tmp_path / "a.png").shape == pixels_of(tmp_path / "b.png").shape
    curves.plot_curves(rows, tmp_path / "none.png", [empty])
    curves.plot_curves([], tmp_path / "none.png", [empty])
    assert not (tmp_path / "none.png").exists()


@pytest.mark.parametrize("side", [32, 96, 200])
def test_every_pixel_of_an_image_is_there(tmp_path, side):
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3))
    curves.plot_image_grid([image] * 3, tmp_path / "grid.png", columns=2)
    shown = pixels_of(tmp_path / "grid.png")
    scale = max(1, 128 // side)
    enlarged = image.repeat(scale, axis=0).repeat(scale, axis=1)
    corner = shown[8 : 8 + scale * side, 8 : 8 + scale * side]
    np.testing.assert_array_equal(corner, enlarged)
    # Three images on two columns: the last cell stays white.
    assert (shown[-side // 2 :, -side // 2 :] == 255).all()


def test_float_images_are_clipped_and_sizes_may_differ(tmp_path):
    images = [np.full((64, 32, 3), 300.0), np.full((32, 64, 3), -5.0)]
    curves.plot_image_grid(images, tmp_path / "grid.png", columns=2)
    shown = pixels_of(tmp_path / "grid.png")
    assert set(np.unique(shown)) == {0, 255}
    assert np.count_nonzero((shown == 0).all(axis=-1)) == 2 * 32 * 2 * 64


def test_titles_make_room_for_themselves(tmp_path):
    images = [np.zeros((128, 128, 3))] * 2
    curves.plot_image_grid(images, tmp_path / "plain.png", columns=2)
    titles = ["photo 1\nview a", "photo 2"]
    curves.plot_image_grid(images, tmp_path / "titled.png", columns=2, titles=titles)
    plain = pixels_of(tmp_path / "plain.png")
    titled = pixels_of(tmp_path / "titled.png")
    assert titled.shape[0] == plain.shape[0] + 2 * 14
    above = titled[: titled.shape[0] - plain.shape[0] + 8]
    assert num_like(above, (51, 51, 51)) > 50


def test_titles_are_shown_as_they_are_whatever_the_file_is_called(tmp_path):
    images = [np.zeros((128, 128, 3))] * 2
    path = tmp_path / "grid.png"
    # A broken formula; a file's name in Latin-1 as Python reads it, and one that the
    # font cannot show.
    titles = ["$x^$", "caf\udce9 猫\t"]
    curves.plot_image_grid(images, path, columns=2, titles=titles)
    above = pixels_of(path)[:14]
    curves.plot_image_grid(images, path, columns=2, titles=["$x$", "caf? 猫\t"])
    assert not np.array_equal(above, pixels_of(path)[:14])
    middle = above.shape[1] // 2
    np.testing.assert_array_equal(above[:, middle:], pixels_of(path)[:14, middle:])


def test_grid_without_images_or_titles_to_match_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one image"):
        curves.plot_image_grid([], tmp_path / "grid.png", columns=2)
    image = np.zeros((8, 8, 3))
    with pytest.raises(ValueError, match="2 titles for 1 images"):
        curves.plot_image_grid([image], tmp_path / "a.png", 1, titles=["a", "b"])
