"""Pictures of a run: curves over epochs and grids of images, as png."""

import dataclasses
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssl_voc.runs.atomic_files import replacing

_INK = "#333333"
_DPI = 100
# Sizes in a grid of images, in pixels. Smaller images are enlarged by whole factors.
_SMALLEST_CELL = 128
_GAP = 8
_TITLE_LINE = 14


@dataclasses.dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes of a figure of curves.

    Attributes:
        keys: Row keys to draw, one line each. Those in no row are left out.
        label: Label of the y axis.
        chance: Value to mark by a dashed line, such as the loss of random guesses.
        log_scale: Whether the y axis is logarithmic.
    """

    keys: tuple[str, ...]
    label: str
    chance: float | None = None
    log_scale: bool = False


def plot_curves(
    rows: Sequence[Mapping[str, Any]], path: str | Path, panels: Sequence[Panel]
) -> None:
    """Draws figures over epochs, one panel beside the other.

    Args:
        rows: Rows of `metrics.jsonl`: `epoch` and figures. A `None`, which stands for
            nan, leaves a gap in the line; a row without the key does not.
        path: The png file, replaced at once.
        panels: What to draw. A panel of which no row has a figure is left out.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    drawn = [panel for panel in panels if _keys_in(rows, panel)]
    if not drawn:
        return
    columns = min(3, len(drawn))
    lines = math.ceil(len(drawn) / columns)
    figure = Figure(figsize=(4.6 * columns, 3.2 * lines), layout="constrained")
    grid = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes, panel in zip(grid, drawn, strict=False):
        _draw_panel(axes, rows, panel)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for axes in grid[len(drawn) :]:
        axes.remove()
    _save(figure, path)


def plot_image_grid(
    images: Sequence[np.ndarray],
    path: str | Path,
    columns: int,
    titles: Sequence[str] | None = None,
) -> None:
    """Draws images in rows of `columns`, each pixel as a square of whole pixels.

    Args:
        images: Arrays `(height, width, 3)` in `[0, 255]`, integer or float. Sizes may
            differ.
        path: The png file, replaced at once.
        columns: Images in one row.
        titles: One text above each image.

    Raises:
        ValueError: If there is no image, or not one title for each.
    """
    from matplotlib.figure import Figure

    if not len(images):
        raise ValueError("`images` must hold at least one image. Received none.")
    if titles is not None and len(titles) != len(images):
        raise ValueError(
            "`titles` must hold one text for each image. Received: "
            f"{len(titles)} titles for {len(images)} images."
        )
    cell_height = max(image.shape[0] for image in images)
    cell_width = max(image.shape[1] for image in images)
    scale = max(1, _SMALLEST_CELL // max(cell_height, cell_width))
    num_title_lines = max((text.count("\n") + 1 for text in titles or ()), default=0)
    title_height = _TITLE_LINE * num_title_lines
    # In pixels of the png; each cell's gap lies on its left and below it.
    column_width = scale * cell_width + _GAP
    row_height = scale * cell_height + _GAP + title_height
    columns = min(columns, len(images))
    width = columns * column_width + _GAP
    height = math.ceil(len(images) / columns) * row_height + _GAP
    figure = Figure(figsize=(width / _DPI, height / _DPI))
    for index, image in enumerate(images):
        image_height, image_width = (scale * side for side in image.shape[:2])
        row, column = divmod(index, columns)
        left = _GAP + column * column_width
        bottom = height - row * row_height - _GAP - title_height - image_height
        axes = figure.add_axes(
            (left / width, bottom / height, image_width / width, image_height / height)
        )
        axes.set_axis_off()
        pixels = np.clip(np.round(image), 0, 255).astype("uint8")
        axes.imshow(pixels, interpolation="nearest", aspect="auto")
        if titles is not None:
            # Names of files may hold dollars, which are no formulas, and bytes that
            # are no text.
            title = titles[index].encode("utf-8", "replace").decode("utf-8")
            style = {"fontsize": 8, "color": _INK, "parse_math": False}
            axes.set_title(title, loc="left", pad=3, **style)
    _save(figure, path)


def _keys_in(rows: Sequence[Mapping[str, Any]], panel: Panel) -> list[str]:
    return [key for key in panel.keys if any(row.get(key) is not None for row in rows)]


def _draw_panel(axes: Any, rows: Sequence[Mapping[str, Any]], panel: Panel) -> None:
    keys = _keys_in(rows, panel)
    for key in keys:
        points = [(row["epoch"], row[key]) for row in rows if key in row]
        epochs, values = zip(*points, strict=True)
        values = [math.nan if value is None else value for value in values]
        # Markers show single epochs and those between gaps.
        axes.plot(epochs, values, marker="o", markersize=2.5, linewidth=1.4, label=key)
    axes.set_xlim(rows[0]["epoch"] - 0.5, rows[-1]["epoch"] + 0.5)
    if panel.chance is not None:
        axes.axhline(panel.chance, color=_INK, linestyle="--", linewidth=1)
        axes.annotate(
            f"chance {panel.chance:.3g}",
            xy=(1, panel.chance),
            xycoords=("axes fraction", "data"),
            xytext=(-3, 3),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=_INK,
        )
    if panel.log_scale:
        axes.set_yscale("log")
    if len(keys) > 1:
        axes.legend(fontsize=8, frameon=False)
    axes.set_xlabel("epoch")
    axes.set_ylabel(panel.label)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _save(figure: Any, path: str | Path) -> None:
    with replacing(Path(path)) as temporary, warnings.catch_warnings():
        # A name in a script that the font lacks shows as boxes: good enough.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(temporary, dpi=_DPI, format="png")
