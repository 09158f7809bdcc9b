"""Charts of a study: label efficiency, differences, training curves."""

import dataclasses

from ssl_voc.visualization.style import INK, LINE_COLORS, draw_svg, plain_axes, shorten

# Small enough to be read at the width of a phone, where a chart is 360 pixels wide.
_SIZE = (4.4, 3.3)


@dataclasses.dataclass(frozen=True)
class Curve:
    """One line of a chart.

    Attributes:
        name: What the legend calls it.
        x: Numbers, ascending.
        y: Numbers.
        limits: Pairs of the lower and the upper end of each, or empty.
        points: Lists of single values, such as those of the seeds, or empty.
    """

    name: str
    x: tuple
    y: tuple
    limits: tuple = ()
    points: tuple = ()


def draw_efficiency(curves, label):
    """A measure over the number of labels, with bands, as SVG.

    Args:
        curves: List of `Curve`, one an arm.
        label: What the measure is called.
    """
    figure, axes = _axes()
    numbers = sorted({number for curve in curves for number in curve.x})
    if len(numbers) == 1:  # side by side, not one upon the other
        curves = [
            dataclasses.replace(curve, x=(numbers[0] * 1.05**place,))
            for place, curve in enumerate(curves, start=-(len(curves) // 2))
        ]
    for curve, color in zip(curves, _colors(len(curves)), strict=True):
        low, high = zip(*curve.limits, strict=True)
        axes.plot(curve.x, curve.y, "o-", ms=4, lw=1.6, color=color, label=curve.name)
        if len(curve.x) > 1:
            axes.fill_between(curve.x, low, high, color=color, alpha=0.13, lw=0)
        else:
            axes.vlines(curve.x, low, high, color=color, alpha=0.5, lw=4)
        for x, values in zip(curve.x, curve.points, strict=True):
            axes.plot([x] * len(values), values, ".", ms=3, color=color, alpha=0.6)
    axes.set_xscale("log")
    axes.set_xticks(numbers, map(str, numbers))
    axes.set_xticks([], minor=True)
    axes.set_xlim(numbers[0] / 1.25, numbers[-1] * 1.25)
    axes.set_xlabel("labelled photos")
    axes.set_ylabel(label)
    _legend(axes, curves)
    return draw_svg(figure)


def draw_differences(rows, label):
    """Intervals of differences, one under the other, as SVG.

    Args:
        rows: List of `(name, mean, low, high, sign)`, sign 0 where none is shown.
        label: What the difference is of.

    Those that are clear of zero are blue.
    """
    figure, axes = _axes(height=1.1 + 0.32 * len(rows))
    for place, (_, mean, low, high, sign) in enumerate(rows):
        color = LINE_COLORS[1] if sign else LINE_COLORS[0]
        axes.hlines(place, low, high, color=color, lw=2.2)
        axes.plot(mean, place, "o", ms=5, color=color)
    axes.axvline(0, color=INK, lw=1)
    axes.set_yticks(range(len(rows)), [shorten(name, 30) for name, *_ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(f"difference in {label}")
    return draw_svg(figure)


def draw_training(curves, label, title):
    """A measure over epochs, as SVG.

    Args:
        curves: List of `Curve`.
        label: What is drawn.
        title: Of which runs.
    """
    figure, axes = _axes()
    for curve, color in zip(curves, _colors(len(curves)), strict=True):
        axes.plot(curve.x, curve.y, lw=1.5, color=color, label=curve.name)
    axes.set_title(title, fontsize=9)
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
    _legend(axes, curves)
    return draw_svg(figure)


def _axes(height=_SIZE[1]):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_SIZE[0], height), layout="constrained")
    axes = figure.subplots()
    plain_axes(axes)
    axes.tick_params(labelsize=9)
    return figure, axes


def _colors(number):
    return [LINE_COLORS[place % len(LINE_COLORS)] for place in range(number)]


def _legend(axes, curves):
    if curves:
        axes.legend(fontsize=8, frameon=False)
