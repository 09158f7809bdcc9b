"""Plots of a detector's metrics: AP bars, precision-recall curves and confusions."""

import numpy as np

from ssl_voc.evaluate.detection.summary import LABELS
from ssl_voc.visualization.charts import draw_bars, draw_matrix
from ssl_voc.visualization.style import (
    BAR,
    INK,
    MARK,
    class_label,
    plain_axes,
    save_figure,
)

_BARS = ("voc07_ap50", "coco_ap", "precision", "recall")
_COLUMNS = 5
# Curves of more classes would be no picture any more.
_MOST_PANELS = 40
_NAME_LENGTH = 16


def draw_average_precision(figures, path):
    """Draws bars by class of AP, and of precision and recall at the threshold.

    Args:
        figures: What `ssl_voc.evaluate.detection.summary.summarize` returns.
        path: The png file, replaced at once.
    """
    names = {name: LABELS[name] for name in _BARS}
    draw_bars(figures, names, path, "num_objects", "objects", "all classes")


def draw_detection_confusions(counts, class_names, threshold, path):
    """Draws the confusion matrix, with background and missed objects.

    Args:
        counts: Integer array `(num_classes + 1, num_classes + 1)`, see
            `ssl_voc.metrics.confusion_counts`.
        class_names: Names of the classes.
        threshold: Confidence from which on detections were counted.
        path: The png file, replaced at once.
    """
    objects = counts[:-1].sum()
    title = (
        f"IoU above 0.5, confidence {threshold} or more\n{np.trace(counts)} of "
        f"{objects} objects found, {counts[-1].sum()} detections matched with none"
    )
    rows, columns = [*class_names, "(none)"], [*class_names, "(missed)"]
    draw_matrix(counts, rows, columns, path, title, "objects; detections")


def draw_precision_recall(curves, figures, path):
    """Draws the precision-recall curve of each class in a panel of its own.

    Args:
        curves: Sequence of `ssl_voc.metrics.average_precision.PrecisionRecallCurve`, in
            the order of the classes.
        figures: What `ssl_voc.evaluate.detection.summary.summarize` returns.
        path: The png file, replaced at once. Of more than 40 classes those with the
            most objects are drawn.
    """
    from matplotlib.figure import Figure

    rows = [*figures["per_class"].items()]
    order = sorted(range(len(rows)), key=lambda n: -rows[n][1]["num_objects"])
    shown = sorted(order[:_MOST_PANELS])
    num_columns = min(_COLUMNS, len(shown))
    num_rows = -(-len(shown) // num_columns)
    figure = Figure(
        figsize=(max(5.2, 2.5 * num_columns + 0.5), 2.6 * num_rows + 0.9),
        layout="constrained",
    )
    panels = figure.subplots(
        num_rows, num_columns, sharex=True, sharey=True, squeeze=False
    ).ravel()
    for axes, number in zip(panels, shown, strict=False):
        name, row = rows[number]
        _draw_curve(axes, curves[number], row)
        average = row["voc10_ap50"]
        value = "no objects" if np.isnan(average) else f"AP {average:.3f}"
        name = class_label(name, number, _NAME_LENGTH)
        title = f"{name} ({row['num_objects']}), {value}"
        axes.set_title(title, fontsize=9, color=INK, parse_math=False)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    for axes in panels[max(0, len(shown) - num_columns) : len(shown)]:
        axes.set_xlabel("recall", fontsize=9)
        axes.tick_params(labelbottom=True)
    for axes in panels[::num_columns]:
        axes.set_ylabel("precision", fontsize=9)
    left_out = len(rows) - len(shown)
    title = "Precision and recall by class (objects), VOC10 AP50, IoU above 0.5"
    if left_out:
        title += f"\n{left_out} classes with fewer objects are not shown"
    handles = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.suptitle(title, fontsize=10, color=INK)
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower center",
        ncols=num_columns,  # three beside each other are wider than one panel
        fontsize=9,
        frameon=False,
    )
    save_figure(figure, path)


def _draw_curve(axes, curve, row):
    if len(curve.recall) and row["num_objects"]:
        # From recall 0 on, as high as the most confident detections are.
        recall = np.concatenate([[0.0], curve.recall])
        precision = np.concatenate([curve.precision[:1], curve.precision])
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        axes.plot(recall, precision, color=BAR, alpha=0.45, lw=1.0, label="measured")
        axes.plot(
            np.append(recall, recall[-1]),
            np.append(envelope, 0.0),
            color=BAR,
            lw=1.8,
            drawstyle="steps-pre",
            label="envelope, whose area is the AP",
        )
    if np.isfinite(row["precision"]) and np.isfinite(row["recall"]):
        axes.plot(
            row["recall"],
            row["precision"],
            "o",
            ms=6,
            color=MARK,
            markeredgecolor="white",
            clip_on=False,
            zorder=3,
            linestyle="none",
            label="at the threshold of the highest F1",
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.03)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    plain_axes(axes)
    axes.tick_params(labelsize=8)
