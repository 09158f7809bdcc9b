"""Plots of a localizer's metrics: bars by class and the confusion matrix."""

import numpy as np

from ssl_voc.evaluate.localization.measures import LABELS
from ssl_voc.visualization.charts import draw_bars, draw_matrix

_SHOWN = ("top1", "mean_iou", "loc_acc_50", "loc_acc_70")


def draw_per_class(figures, path):
    """Draws a panel of bars for each measure, a bar for each class.

    Args:
        figures: What `ssl_voc.evaluate.localization.measures.summarize` returns.
        path: The png file, replaced at once.
    """
    draw_bars(
        figures,
        {name: LABELS[name] for name in _SHOWN if name in figures},
        path,
        "num_images",
        "photos",
        "all photos",
        "baseline (majority class; whole photo as box)",
    )


def draw_confusions(counts, class_names, path):
    """Draws a confusion matrix: shares of each true class, and counts.

    Args:
        counts: Integer array `(num_classes, num_classes)`: rows true, columns
            predicted.
        class_names: Names of the classes.
        path: The png file, replaced at once.
    """
    counts = np.asarray(counts)
    title = f"{np.trace(counts)} of {counts.sum()} photos on the diagonal"
    draw_matrix(counts, class_names, class_names, path, title, "photos")
