"""Pictures of a run: curves over epochs and grids of images, as png."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssl_voc.runs.atomic_files import replacing

_INK = "#333333"


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
        rows: Rows of `metrics.jsonl`: `epoch` and figures; `None` leaves a gap.
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
    grid = figure.subplots(lines, columns, squeeze=False).flat
    for axes, panel in zip(grid, drawn, strict=False):
        _draw_panel(axes, rows, panel)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in list(grid)[len(drawn) :]:
        axes.remove()
    _save(figure, path)


def plot_image_grid(
    images: Sequence[np.ndarray],
    path: str | Path,
    columns: int,
    titles: Sequence[str] | None = None,
) -> None:
    """Draws images in rows of `columns`, every pixel at least one pixel wide.

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
    lines = math.ceil(len(images) / columns)
    side = max(1.4, max(max(image.shape[:2]) for image in images) / 100)
    height = side + (0.25 if titles is not None else 0.0)
    figure = Figure(figsize=(side * columns, height * lines), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    grid = figure.subplots(lines, columns, squeeze=False).flat
    for axes in grid:
        axes.set_axis_off()
    for index, image in enumerate(images):
        axes = figure.axes[index]
        pixels = np.clip(np.round(image), 0, 255).astype("uint8")
        axes.imshow(pixels, interpolation="nearest")
        if titles is not None:
            axes.set_title(titles[index], fontsize=8, color=_INK)
    _save(figure, path)


def _keys_in(rows: Sequence[Mapping[str, Any]], panel: Panel) -> list[str]:
    return [key for key in panel.keys if any(row.get(key) is not None for row in rows)]


def _draw_panel(axes: Any, rows: Sequence[Mapping[str, Any]], panel: Panel) -> None:
    epochs = [row["epoch"] for row in rows]
    keys = _keys_in(rows, panel)
    for key in keys:
        values = [row.get(key) for row in rows]
        points = [math.nan if value is None else value for value in values]
        # Markers show single epochs and those between gaps.
        axes.plot(epochs, points, marker="o", markersize=2.5, linewidth=1.4, label=key)
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
    with replacing(Path(path)) as temporary:
        figure.savefig(temporary, dpi=100, format="png")
