"""Curves of metrics over epochs."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssl_voc.visualization.style import INK, plain_axes, save_figure


@dataclasses.dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes of a figure of curves.

    Attributes:
        keys: Row keys to draw, one line each. Those in no row are left out.
        label: Label of the y axis.
        chance: Value to mark by a dashed line, such as the loss of random guesses.
    """

    keys: tuple[str, ...]
    label: str
    chance: float | None = None


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

    drawn = [(panel, _keys_in(rows, panel)) for panel in panels]
    drawn = [(panel, keys) for panel, keys in drawn if keys]
    if not drawn:
        return
    columns = min(3, len(drawn))
    lines = math.ceil(len(drawn) / columns)
    figure = Figure(figsize=(4.6 * columns, 3.2 * lines), layout="constrained")
    grid = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes, (panel, keys) in zip(grid, drawn, strict=False):
        _draw_panel(axes, rows, panel, keys)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for axes in grid[len(drawn) :]:
        axes.remove()
    save_figure(figure, path)


def _keys_in(rows: Sequence[Mapping[str, Any]], panel: Panel) -> list[str]:
    return [key for key in panel.keys if any(row.get(key) is not None for row in rows)]


def _draw_panel(axes, rows, panel, keys):
    for key in keys:
        points = [(row["epoch"], row[key]) for row in rows if key in row]
        points = np.array(points, "float64")  # nan where None
        # Markers show single epochs and those between gaps.
        axes.plot(*points.T, marker="o", markersize=2.5, linewidth=1.4, label=key)
    axes.set_xlim(rows[0]["epoch"] - 0.5, rows[-1]["epoch"] + 0.5)
    if panel.chance is not None:
        axes.axhline(panel.chance, color=INK, linestyle="--", linewidth=1)
        units = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        style = {"ha": "right", "fontsize": 8, "color": INK}
        text = f"chance {panel.chance:.3g}"
        axes.annotate(text, (1, panel.chance), (-3, 3), **units, **style)
    if len(keys) > 1:
        axes.legend(fontsize=8, frameon=False)
    axes.set_xlabel("epoch")
    axes.set_ylabel(panel.label)
    plain_axes(axes)
