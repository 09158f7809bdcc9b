"""Curves over epochs, read back from the picture."""

from ssl_voc.visualization.curves import Panel, plot_curves
from tests.visualization.pixels import is_like, pixels_of

BLUE = (31, 119, 180)


def draw(path, rows, *panels):
    """Pixels of a figure of panels."""
    plot_curves(rows, path, panels)
    return pixels_of(path)


def test_curve_of_each_panel_is_drawn(tmp_path):
    rows = [{"epoch": e, "loss": 5 / e, "top1": e / 10} for e in range(1, 9)]
    loss, top1 = Panel(("loss",), "loss"), Panel(("top1",), "top-1")
    one = draw(tmp_path / "one.png", rows, loss)
    two = draw(tmp_path / "two.png", rows, loss, top1)
    assert two.shape[1] == 2 * one.shape[1]
    for panel in (two[:, : one.shape[1]], two[:, one.shape[1] :]):
        assert is_like(panel, BLUE).sum() > 200


def test_fields_without_a_panel_stay_blank(tmp_path):
    rows = [{"epoch": e, **{str(n): e for n in range(4)}} for e in range(1, 9)]
    panels = [Panel((str(n),), str(n)) for n in range(4)]
    pixels = draw(tmp_path / "four.png", rows, *panels)
    # Three columns: the second line holds the fourth panel and two empty fields.
    empty = pixels[pixels.shape[0] // 2 + 10 :, pixels.shape[1] // 3 + 10 :]
    assert empty.min() == 255


def test_nan_leaves_a_gap_and_a_missing_figure_does_not(tmp_path):
    def num_blue(*between):
        ends = [{"epoch": 1, "knn": 0.5}, {"epoch": 9, "knn": 0.5}]
        rows = [ends[0], *between, ends[1]]
        return is_like(
            draw(tmp_path / "k.png", rows, Panel(("knn",), "k-NN")), BLUE
        ).sum()

    assert num_blue({"epoch": 5}) > 5 * num_blue({"epoch": 5, "knn": None}) > 0


def test_chance_is_marked_and_inside_the_axes(tmp_path):
    rows = [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 0.9}]

    def num_dark_rows(chance):
        panel = Panel(("loss",), "loss", chance=chance)
        dark = (draw(tmp_path / "curves.png", rows, panel) < 100).all(axis=-1)
        return (dark.mean(axis=1) > 0.4).sum()

    # The axis itself is one dark line, the dashes of chance another.
    assert num_dark_rows(chance=5.5) > num_dark_rows(chance=None)


def test_panel_without_figures_is_left_out(tmp_path):
    rows = [{"epoch": 1, "loss": 1.0, "knn": None}]
    loss, empty = Panel(("loss",), "loss"), Panel(("knn", "other"), "k-NN")
    both = draw(tmp_path / "a.png", rows, loss, empty)
    assert both.shape == draw(tmp_path / "b.png", rows, loss).shape
    plot_curves(rows, tmp_path / "none.png", [empty])
    plot_curves([], tmp_path / "none.png", [empty])
    assert not (tmp_path / "none.png").exists()
