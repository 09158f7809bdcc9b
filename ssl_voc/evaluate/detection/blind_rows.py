"""A detector's figures beside those of answers that do not see the photo."""

import numpy as np

from ssl_voc.evaluate.blind import answer_alike, frequent_layout
from ssl_voc.evaluate.detection.matching import measure_detections
from ssl_voc.metrics.average_precision_bootstrap import compare_average_precision

# The one protocol that they are compared by, and its name in the metrics.
PROTOCOL, MEASURE = "voc10", "voc10_ap50"
LABELS = {"frequent_boxes": "frequent boxes", "gray_photos": "gray photos"}


def measure_blind(found, gray, training, num_resamples, seed=0):
    """Average precision without looking, and what the detector has beyond it.

    Args:
        found: `Detections` of the detector.
        gray: What it predicts for gray pictures of the photos' sizes, boxes in pixels
            of the photos.
        training: `pipelines.Photos` that it learned from, or None where they are not
            at hand.
        num_resamples: Number of resamples of the bootstrap over photos.
        seed: Seed of the bootstrap.

    Returns:
        Dictionary by the names of `LABELS`, of those that could be measured: a
        dictionary of the figure, its interval, the detector's gain over it and the
        gain's interval, of the same resamples. Empty where no photo has an object.
    """
    answers = {"gray_photos": gray}
    if training is not None:
        sizes = [(photo.height, photo.width) for photo in found.photos]
        num_boxes = found.predictions["classes"].shape[1]
        layout = frequent_layout(training, found.class_names, num_boxes, seed)
        if len(layout["classes"]):  # annotations may lack the sizes of photos
            answers = {"frequent_boxes": answer_alike(layout, sizes), **answers}
    every = [found.matches] + [
        measure_detections(found.photos, found.class_names, answer).matches
        for answer in answers.values()
    ]

    means, limits, gains = compare_average_precision(
        every, PROTOCOL, num_resamples, seed
    )
    if np.isnan(means[0]):
        return {}  # without objects there is nothing to gain
    return {
        name: {
            MEASURE: means[column],
            f"{MEASURE}_ci": limits[:, column],
            "gain": means[0] - means[column],
            "gain_ci": gains[:, column],
        }
        for column, name in enumerate(answers, start=1)
    }


def is_clear_of_blind(rows):
    """Whether the detector is shown to look: every gain's interval lies above 0."""
    return all(row["gain_ci"][0] > 0.0 for row in rows.values())


def blind_lines(rows):
    """The rows as lines for people, and a warning where there is cause."""
    if not rows:
        return []
    lines = ["without seeing the photo (VOC10 AP50), and the detector's gain over it:"]
    for name, row in rows.items():
        low, high = row[f"{MEASURE}_ci"]
        gain, (gain_low, gain_high) = row["gain"], row["gain_ci"]
        lines.append(
            f"{LABELS[name]:14}{row[MEASURE]:6.3f}  [{low:.3f}, {high:.3f}]  "
            f"{gain:+.3f} [{gain_low:+.3f}, {gain_high:+.3f}]"
        )
    if not is_clear_of_blind(rows):
        lines.append(
            "NOT SHOWN TO LOOK AT THE PHOTO: what finds as much does not see it. Train "
            "longer (--epochs), start from weights (--weights), or label more photos."
        )
    return lines
