"""Heat map measures of each photo, their means and paired differences."""

import numpy as np

from ssl_voc.heat_maps import (
    cross_validated_iou,
    ious_at_thresholds,
    measure_map,
    perturbed,
    removal_order,
)
from ssl_voc.heat_maps.map_measures import THRESHOLDS
from ssl_voc.metrics import bootstrap_interval
from ssl_voc.runs.progress_bar import progress_bar

NUM_STEPS = 10
# Of a photo's rows and columns, for the chance level of deletion and insertion.
SHUFFLED_CELLS = 6
# Of a photo's sides: a map that is the same for all photos.
CENTER_SPREAD = 0.25
LABELS = {
    "pointing": "pointing game",
    "energy": "energy in box",
    "coverage": "coverage of box",
    "spill": "spill beyond box",
    "map_iou": "IoU of map's box",
    "map_acc_50": "MaxBoxAcc@0.5",
    "is_empty": "empty maps",
    "deletion": "deletion AUC",
    "insertion": "insertion AUC",
}
PROTOCOLS = {
    "map": "{method} of the true class's score at layer {layer}, the same target for "
    "all runs, brought to the size of the photo; padding is left out",
    "object": "the photo's largest object that is not difficult, and its box",
    "predicted": "class of the object: of a detector that of the most confident "
    "detection with IoU above 0.5",
    "pointing": "share of photos whose map is highest inside the box; no tolerance",
    "energy": "mean share of the map's sum that lies inside the box",
    "chance": "of both: the box's share of the photo, what an even map reaches",
    "coverage": "mean share of the box where the map is above half its maximum: the "
    "whole object or a fragment; read it beside spill, for an even map covers all",
    "spill": "mean share of the photo outside the box that is above that half",
    "map_iou": "mean IoU of the box with that of the map's largest part above a "
    "threshold, which is chosen on the other half of the photos",
    "map_acc_50": "share of photos where the IoU is above 0.5 (strictly) at the "
    "threshold of the largest such share, chosen on the other half, too",
    "is_empty": "share of photos whose map is zero everywhere; they count as even maps "
    "in pointing and energy, and cover nothing",
    "deletion": "mean score of the true class while the pixels go, highest "
    f"first, in {NUM_STEPS} steps to the photo's mean color: low is good",
    "insertion": "the same while they come back into a blurred photo: high is good",
    "shuffled": f"of both: {SHUFFLED_CELLS} x {SHUFFLED_CELLS} patches of the photo in "
    "an order that is drawn",
    "center": "a Gaussian at the middle of every photo, which knows no photo",
    "ci": "95 % percentile bootstrap over photos, 10,000 resamples; differences are "
    "paired, photo by photo",
}


def measure_photos(subject, indices, num_perturbed, seed):
    """Maps and measures photos one batch at a time.

    Args:
        subject: `Subject`.
        indices: Photos of its pool.
        num_perturbed: Number of photos, the first, of deletion and insertion.
        seed: Seed of ties and folds.

    Returns:
        Dictionary of float64 arrays `(num_photos,)`: the measures, `"box_share"`,
        `"is_empty"`, `"correct"`, `"predicted"`, -1 for nothing, and `"threshold"`, the
        share of the map's range that `"map_iou"` was measured at; nan where not
        measured.
    """
    rows, ious = [], []
    progress = progress_bar(f"explaining {subject.name}")
    progress(0, len(indices))
    for views in subject.views(indices):
        predicted = subject.predict_classes(views.images, views.boxes)
        for place, heat in _maps_of_photos(subject, views):
            row = measure_map(heat, views.boxes[place])
            row["is_empty"] = float(not heat.max() > 0)
            row["correct"] = float(predicted[place] == views.classes[place])
            row["predicted"] = float(predicted[place])
            ious.append(ious_at_thresholds(heat, views.boxes[place]))
            rows.append(row)
        progress(len(rows), len(indices))
    if num_perturbed:
        found = _perturb_photos(subject, indices[:num_perturbed], seed)
        for row, areas in zip(rows, found, strict=False):
            row |= areas
    return _as_arrays(rows, ious, seed)


def measure_center(subject, indices, seed):
    """The measures of a Gaussian at the middle of every photo."""
    rows, ious = [], []
    for views in subject.views(indices):
        for size, box in zip(views.sizes, views.boxes, strict=True):
            sides = [
                np.exp(-(((np.arange(n) + 0.5) / n - 0.5) ** 2) / 2 / CENTER_SPREAD**2)
                for n in size
            ]
            heat = sides[0][:, None] * sides[1]
            rows.append(measure_map(heat, box))
            ious.append(ious_at_thresholds(heat, box))
    return _as_arrays(rows, ious, seed)


def summarize(measures, chosen=None, seed=0):
    """Means with intervals.

    Args:
        measures: Of `measure_photos`.
        chosen: Optional bool array: the photos to average.
        seed: Of the bootstrap.

    Returns:
        Dictionary of each measure, `NAME_ci` and `"num_images"`.
    """
    chosen = np.ones(len(measures["energy"]), bool) if chosen is None else chosen
    figures = {"num_images": int(chosen.sum())}
    for name in measures:
        if name in ("predicted", "threshold"):
            continue
        found = bootstrap_interval(measures[name][chosen], seed=seed)
        figures |= {name: found.mean, f"{name}_ci": [found.low, found.high]}
    return figures


def compare(measures, baseline, chosen=None, seed=0):
    """Mean paired differences of two runs on the same photos, as `summarize`."""
    differences = {
        name: measures[name] - baseline[name]
        for name in measures
        if name not in ("predicted", "threshold", "box_share")
        and not name.endswith("_shuffled")
    }
    return summarize(differences, chosen, seed)


def compare_with_chance(measures, center, seed=0):
    """Mean paired difference of the energy from that of a map that knows no photo.

    Args:
        measures: Of `measure_photos`.
        center: Of `measure_center`, on the same photos.
        seed: Of the bootstrap.

    Returns:
        Dictionary of `"chance"`, which is `"center"` or `"even"`, whichever has more
        energy in the box; that energy as `"chance_energy"`; `"energy_over_chance"`
        and `"energy_over_chance_ci"`.
    """
    levels = {"center": center["energy"], "even": measures["box_share"]}
    best = max(levels, key=lambda name: levels[name].mean())
    found = bootstrap_interval(measures["energy"] - levels[best], seed=seed)
    return {
        "chance": best,
        "chance_energy": float(levels[best].mean()),
        "energy_over_chance": found.mean,
        "energy_over_chance_ci": [found.low, found.high],
    }


def _as_arrays(rows, ious, seed):
    names = dict.fromkeys(name for row in rows for name in row)
    measures = {
        name: np.array([row.get(name, np.nan) for row in rows], "float64")
        for name in names
    }
    ious = np.array(ious)
    chosen, thresholds = cross_validated_iou(ious, seed)
    is_right, _ = cross_validated_iou(ious > 0.5, seed)
    return {
        **measures,
        "map_iou": chosen,
        "map_acc_50": is_right,
        "threshold": np.array(THRESHOLDS)[thresholds],
    }


def _maps_of_photos(subject, views):
    """Places in a batch with the map of each photo, float64 `(height, width)`."""
    maps = subject.maps(views.images, views.classes)
    for place, (height, width) in enumerate(views.sizes):
        yield place, maps[place, :height, :width].astype("float64")


def _perturb_photos(subject, indices, seed):
    """Areas of each photo, see `_perturb`.

    In a pass of its own, though maps are made anew: a photo takes as long here as
    dozens without, and progress would mislead.
    """
    found = []
    progress = progress_bar(f"deleting and inserting pixels, {subject.name}")
    progress(0, len(indices))
    for views in subject.views(indices):
        for place, heat in _maps_of_photos(subject, views):
            found.append(_perturb(subject, views, place, heat, seed))
            progress(len(found), len(indices))
    return found


def _perturb(subject, views, place, heat, seed):
    """Areas of deletion and insertion, by the map and by patches in a drawn order.

    Reference:
        - [Petsiuk et al., 2018](https://arxiv.org/abs/1806.07421)
    """
    random = np.random.default_rng([seed, int(views.indices[place])])
    photo, label = views.photo(place), views.classes[place]
    height, width = photo.shape[:2]
    order = random.permutation(SHUFFLED_CELLS**2).reshape(SHUFFLED_CELLS, -1)
    rows, columns = (np.arange(n) * SHUFFLED_CELLS // n for n in heat.shape)
    found = {}
    for suffix, ranked in (("", heat), ("_shuffled", order[rows][:, columns])):
        ranks = removal_order(ranked, seed)
        stages = np.concatenate(perturbed(photo, ranks, NUM_STEPS))
        images = np.zeros((len(stages), *views.images.shape[1:]), "uint8")
        images[:, :height, :width] = stages
        scores = subject.probabilities(images)[:, label].astype("float64")
        areas = np.trapezoid(np.split(scores, 2), dx=1 / NUM_STEPS)
        for name, area in zip(("deletion", "insertion"), areas, strict=True):
            found[f"{name}{suffix}"] = float(area)
    return found
