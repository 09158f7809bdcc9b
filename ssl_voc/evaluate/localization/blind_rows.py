"""A localizer's figure beside those of answers that do not see the photo."""

import dataclasses

from pipelines import Object, main_object
from ssl_voc.evaluate.blind_baselines import answer_alike, frequent_layout
from ssl_voc.evaluate.localization.measures import NUM_RESAMPLES, measure_localizations
from ssl_voc.metrics import bootstrap_interval, paired_bootstrap

# The one measure that they are compared by.
MEASURE = "loc_acc_50"


def measure_blind(found, gray_boxes, training, seed=0):
    """LocAcc@0.5 without looking, and what the localizer has beyond it.

    Args:
        found: `Localizations` of the localizer.
        gray_boxes: The boxes that it predicts for gray pictures of the photos' sizes,
            `(num_photos, 4)`, xyxy in pixels of the photos.
        training: `pipelines.Photos` that it learned from, or None where they are not
            at hand.
        seed: Seed of the bootstrap over photos.

    Returns:
        Dictionary of `"frequent_box"` (the one box that is right for most of the
        photos that were learned from) and `"gray_photos"`, as far as they could be
        measured: a dictionary of the figure, its interval, the localizer's gain over
        it and the gain's interval, photo by photo.
    """
    answers = {"gray_photos": gray_boxes}
    mains = _main_objects(training, found.class_names)
    layout = frequent_layout(mains, ("object",), 1, seed)
    if len(layout["classes"]):
        sizes = [(photo.height, photo.width) for photo in found.photos]
        boxes = answer_alike(layout, sizes)["boxes"][:, 0]
        answers = {"frequent_box": boxes, **answers}
    return {name: _row(found, boxes, seed) for name, boxes in answers.items()}


def _row(found, boxes, seed):
    blind = measure_localizations(found.photos, found.class_names, found.scores, boxes)
    values, blind_values = found.measures[MEASURE], blind.measures[MEASURE]
    options = {"num_resamples": NUM_RESAMPLES, "seed": seed}
    figure = bootstrap_interval(blind_values, **options)
    gain = paired_bootstrap(values, blind_values, **options)
    return {
        MEASURE: figure.mean,
        f"{MEASURE}_ci": [figure.low, figure.high],
        "gain": gain.mean,
        "gain_ci": [gain.low, gain.high],
    }


def _main_objects(photos, class_names):
    """The photos with the box of their main object alone: its class plays no part.

    Objects of other classes are none, as in training.
    """
    objects = [
        (photo, [item for item in photo.objects if item.name in class_names])
        for photo in photos or ()
    ]
    mains = [(photo, main_object(items)) for photo, items in objects]
    return [
        dataclasses.replace(photo, objects=(Object("object", main.box),))
        for photo, main in mains
        if main is not None
    ]
