"""A detector's figures beside those of answers that do not see the photo."""

import numpy as np

from ssl_voc.evaluate.blind_baselines import answer_alike, frequent_layout
from ssl_voc.evaluate.detection.matching import measure_detections
from ssl_voc.metrics.average_precision_bootstrap import compare_average_precision

# The one protocol that they are compared by, and its name in the metrics.
PROTOCOL, MEASURE = "voc10", "voc10_ap50"


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
        Dictionary of `"frequent_boxes"` and `"gray_photos"`, as far as they could be
        measured: a dictionary of the figure, its interval, the detector's gain over it
        and the gain's interval, of the same resamples. Empty where no photo has an
        object.
    """
    answers = {"gray_photos": gray}
    if training is not None:
        sizes = [(photo.height, photo.width) for photo in found.photos]
        num_boxes = found.predictions["classes"].shape[1]
        layout = frequent_layout(training, found.class_names, num_boxes, seed)
        if len(layout["classes"]):
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
