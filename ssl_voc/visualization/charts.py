"""Bar charts with intervals and confusion matrices."""

import numpy as np

from ssl_voc.visualization.style import (
    BAR,
    INK,
    MARK,
    class_label,
    plain_axes,
    save_figure,
)

# Numbers in cells of a confusion matrix get too small to read beyond.
_MOST_CLASSES_WITH_NUMBERS = 25


def draw_bars(figures, names, path, count, unit, whole, baseline=None):
    """Draws a panel for each figure: bars by class, intervals, and the whole.

    Args:
        figures: Dictionary of the figures of the whole, by name; `"per_class"`, those
            of each class in their order, with `NAME_ci` where there is an interval; and
            `"baseline"` if asked for.
        names: Dictionary of the figures to show and their titles.
        path: The png file, replaced at once.
        count: Key of the number that stands behind each class.
        unit: What that counts, in the plural.
        whole: What the legend calls the line of the whole.
        baseline: What the legend calls the line of the baseline, if there is one.
    """
    from matplotlib.figure import Figure

    rows = figures["per_class"]
    labels = [
        f"{class_label(key, number)} ({row[count]})"
        for number, (key, row) in enumerate(rows.items())
    ]
    height = 1.5 + 0.34 * len(rows)
    figure = Figure(figsize=(2.6 * len(names) + 1.4, height), layout="constrained")
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    positions = np.arange(len(rows))
    for axes, (name, title) in zip(panels, names.items(), strict=True):
        values = np.array([row[name] for row in rows.values()], "float64")
        limits = [row.get(f"{name}_ci", (np.nan, np.nan)) for row in rows.values()]
        axes.barh(positions, values, height=0.66, color=BAR, alpha=0.55)
        axes.hlines(positions, *np.transpose(limits), color=INK, linewidth=1.6)
        # A dot, since a bar of length 0 cannot be told from none.
        axes.plot(values, positions, "o", ms=3.5, color=INK, clip_on=False)
        axes.axvline(figures[name], label=whole, color=INK, linewidth=1.2)
        if baseline:
            x = figures["baseline"][name]
            axes.axvline(x, label=baseline, color=MARK, linestyle="--", linewidth=1.4)
        axes.set_title(f"{title} {figures[name]:.3f}", fontsize=10, color=INK)
        axes.set_xlim(0, 1)
        plain_axes(axes, grid="x")
        axes.tick_params(labelsize=9)
    _name_ticks(panels[0].yaxis, labels, 9)
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        fontsize=9,
        frameon=False,
        title=f"bars by class ({unit}), lines: 95 % bootstrap intervals",
        title_fontsize=9,
    )
    save_figure(figure, path)


def draw_matrix(counts, rows, columns, path, title, unit):
    """Draws a confusion matrix: counts, colored by their shares of the rows.

    Args:
        counts: Integer array `(num_rows, num_columns)`.
        rows: Names of the true classes.
        columns: Names of the predicted classes.
        path: The png file, replaced at once.
        title: Lines above it.
        unit: What is counted, in the plural.
    """
    from matplotlib.figure import Figure

    counts = np.asarray(counts)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    numbered = len(counts) <= _MOST_CLASSES_WITH_NUMBERS
    side = (0.62 if numbered else 0.16) * len(counts) + 2.4
    size = max(4.6, side + 0.6), max(3.6, side)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    size = 9 if numbered else 6
    turned = {"rotation": 45 if numbered else 90, "rotation_mode": "anchor"}
    rows, columns = (
        [class_label(name, n) for n, name in enumerate(names)]
        for names in (rows, columns)
    )
    _name_ticks(axes.xaxis, columns, size, ha="right", **turned)
    labels = [f"{name} ({n})" for name, n in zip(rows, totals[:, 0], strict=True)]
    _name_ticks(axes.yaxis, labels, size)
    axes.set_xlabel("predicted class")
    axes.set_ylabel(f"true class ({unit})")
    if numbered:
        for (row, column), share in np.ndenumerate(shares):
            if counts[row, column]:
                text = f"{share:.2f}\n{counts[row, column]}"
                style = {"fontsize": 8, "color": "white" if share > 0.55 else INK}
                axes.text(column, row, text, ha="center", va="center", **style)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("share of the row", fontsize=9)
    axes.set_title(title, fontsize=10, color=INK)
    save_figure(figure, path)


def _name_ticks(axis, names, size, **style):
    names = [*names]
    axis.set_ticks(range(len(names)), names, fontsize=size, **style)
    for label in axis.get_ticklabels():
        label.set_parse_math(False)  # names may hold dollars
