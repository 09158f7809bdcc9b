"""Search for shortcuts: image content that predicts a class without the object."""

import numpy as np
from scipy import ndimage

from ssl_voc.explain.shortcuts.candidates import propose_candidates
from ssl_voc.explain.shortcuts.inpainting import inpaint
from ssl_voc.explain.shortcuts.report import draw_candidate
from ssl_voc.explain.shortcuts.scan import choose_layer, outside_of, scan_photos
from ssl_voc.explain.shortcuts.statistics import (
    FALSE_ALARM_RATE,
    association_p_value,
    is_alarm,
    is_worth_testing,
    largest_p_value,
    reliance_p_value,
)
from ssl_voc.explain.subject import Subject
from ssl_voc.metrics import bootstrap_interval, paired_bootstrap
from ssl_voc.runs.progress_bar import progress_bar

NUM_CONTROLS = 4
# Candidates of the lowest p-values, drawn whether or not they are alarms.
NUM_SHEETS = 3
_NUM_SHIFTS = 400
# Share of a region that boxes must leave free, or its rest would tell the class.
_LEAST_INPAINTED = 0.6
# Of what a region hides, the least that each of its controls hides.
_LEAST_CONTROL = 0.75
PROTOCOL = (
    "per class, regions and clusters of patches that the class's LayerCAM prefers "
    "outside all boxes in its photos are chosen on one half of the photos, and dropped "
    "there unless they pass the two tests at lax levels. On the other half an alarm "
    "takes both: (1) the class's heat there is higher in its photos than in those of "
    "other classes (permutation of ranks); (2) inpainting it turns more correct "
    f"predictions wrong than inpainting {NUM_CONTROLS} regions of the same shape, "
    f"at least {_LEAST_CONTROL:.0%} of it free, in the same photo, as far from the "
    "boxes, no two half the same (exact; photos without room for them do not count). "
    "Both p-values must be at most "
    f"{FALSE_ALARM_RATE:g} over the number of candidates that were not dropped "
    "(Bonferroni): where no region means more than another, at most "
    f"{FALSE_ALARM_RATE:.0%} of searches raise any alarm"
)


def find_shortcuts(subject: Subject, indices, config, path):
    """Searches, tests and draws.

    Args:
        subject: `Subject`.
        indices: Photos of its pool.
        config: An `ExplainConfig`.
        path: Folder for the contact sheets.

    Returns:
        Dictionary of `"candidates"`, the lowest p-values first, each with its class,
        region, the tests, the accuracy that inpainting costs, `"screened"`,
        `"could_alarm"`, whether it had photos enough for an alarm, `"alarm"` and, of
        alarms and the first few, the name of its contact sheet;
        `"num_screened"`, `"num_alarms"`; the `"bound"` of the p-values;
        `"classes_without"` a candidate and those with `"classes_too_few"` photos for an
        alarm; the name of the `"layer"`, `"num_images"` and the `"protocol"`.
    """
    layer = choose_layer(subject.model, config.explained_layer)
    scan, seed = scan_photos(subject, indices, layer), config.seed
    chosen = _halves(scan.classes, seed)
    names = subject.pool.class_names
    candidates = [
        candidate
        for label in range(len(names))
        for candidate in propose_candidates(scan, chosen, label, seed)
    ]
    # So that the smallest possible p-value lies well below any bound.
    num_draws = 20 / largest_p_value(len(candidates))
    num_draws = int(min(200_000, max(10_000, num_draws)))
    progress = progress_bar("testing candidates", "candidate")
    if candidates:
        progress(0, len(candidates))
    found = []
    for number, candidate in enumerate(candidates):
        *p_values, _ = _p_values(subject, scan, candidate, chosen, num_draws, seed)
        row = _test(subject, scan, candidate, ~chosen, num_draws, seed)
        row["screened"] = is_worth_testing(*p_values)
        row["class"] = names[candidate.label]
        found.append((row, candidate))
        progress(number + 1, len(candidates))
    rows = [row for row, _ in found]
    num_screened = sum(row["screened"] for row in rows)
    bound = largest_p_value(num_screened)
    for row in rows:
        p_values = row["association_p"], row["reliance_p"]
        # The smallest p-value of reliance: every photo is lost, no control costs one.
        row["could_alarm"] = (1 + NUM_CONTROLS) ** -row["num_tested"] <= bound
        row["alarm"] = row["screened"] and is_alarm(*p_values, num_screened)
    found.sort(key=lambda pair: _rank(pair[0]))
    for place, (row, candidate) in enumerate(found):
        row["sheet"] = None
        if row["alarm"] or place < NUM_SHEETS:
            row["sheet"] = draw_candidate(subject, scan, candidate, row, ~chosen, path)
    with_candidates = {row["class"] for row in rows}
    told = {row["class"] for row in rows if row["could_alarm"]}
    return {
        "num_alarms": sum(row["alarm"] for row in rows),
        "candidates": [row for row, _ in found],
        "classes_without": [name for name in names if name not in with_candidates],
        "classes_too_few": [name for name in names if name in with_candidates - told],
        "num_screened": num_screened,
        "bound": bound,
        "layer": layer.name,
        "num_images": len(indices),
        "protocol": PROTOCOL,
    }


def _rank(row):
    p_value = max(row["association_p"], row["reliance_p"])
    return not row["alarm"], p_value, -row["accuracy_drop"]


def _halves(classes, seed):
    """Half the photos of every class, drawn: bool `(n,)`."""
    random = np.random.default_rng([seed, 1])
    chosen = np.zeros(len(classes), bool)
    for label in np.unique(classes):
        places = random.permutation(np.flatnonzero(classes == label))
        chosen[places[: (len(places) + 1) // 2]] = True
    return chosen


def _p_values(subject, scan, candidate, photos, num_draws, seed):
    """Of some photos the p-values of both tests, and the `inpainted_errors`."""
    strength, is_class = candidate.strength(scan), scan.classes == candidate.label
    association = association_p_value(
        strength[photos], is_class[photos], num_draws, seed
    )
    wrong = inpainted_errors(subject, scan, candidate, photos & is_class, seed)
    return association, reliance_p_value(wrong), wrong


def _test(subject, scan, candidate, tested, num_draws, seed):
    """Both tests of one candidate, on the photos that did not choose it."""
    is_class = scan.classes == candidate.label
    strength = candidate.strength(scan)
    ours = tested & is_class
    association, reliance, wrong = _p_values(
        subject, scan, candidate, tested, num_draws, seed
    )
    # Without photos nothing is lost.
    measured = wrong if len(wrong) else np.zeros((1, 1 + NUM_CONTROLS), bool)
    dropped, control = measured[:, 0].astype("float64"), measured[:, 1:].mean(axis=1)
    drop = bootstrap_interval(dropped, seed=seed)
    difference = paired_bootstrap(dropped, control, seed=seed)
    has = np.nan_to_num(strength) > 0
    return {
        "kind": candidate.kind,
        "where": candidate.describe(),
        "share_of_photos": _mean(has[ours]),
        "share_of_others": _mean(has[tested & ~is_class]),
        "energy": _mean(candidate.energy(scan)[ours & has]),
        "num_tested": len(wrong),
        "accuracy_drop": drop.mean,
        "accuracy_drop_ci": [drop.low, drop.high],
        "accuracy_drop_control": float(control.mean()),
        "accuracy_drop_beyond_control": difference.mean,
        "accuracy_drop_beyond_control_ci": [difference.low, difference.high],
        "association_p": association,
        "reliance_p": reliance,
    }


def _mean(values):
    return float(values.mean()) if len(values) else 0.0


def inpainted_errors(subject, scan, candidate, photos, seed):
    """Whether predictions are wrong with a region inpainted, and with its controls.

    Args:
        subject: `Subject`.
        scan: `Scan`.
        candidate: `FixedRegion` or `PatchCluster`.
        photos: Bool `(n,)`: the photos; those answered wrong as they are, those
            whose region boxes cover and those without room for controls are left out.
        seed: Seed of the controls.

    Returns:
        Bool `(m, 1 + NUM_CONTROLS)`, the candidate first.
    """
    is_wrong = []
    for place in np.flatnonzero(photos & scan.is_right):
        views = subject.view(scan.indices[place : place + 1])
        outside = outside_of(views, 0)
        mask = candidate.mask(scan, place, outside.shape)
        if (mask & outside).sum() < _LEAST_INPAINTED * max(1, mask.sum()):
            continue
        random = np.random.default_rng([seed, int(scan.indices[place])])
        masks = [mask & outside, *_controls(mask, outside, random)]
        if len(masks) <= NUM_CONTROLS:
            continue
        images = np.repeat(views.images, len(masks), axis=0)
        height, width = outside.shape
        # Padding is no color to fill with.
        unpadded = images[:, :height, :width]
        images[:, :height, :width] = inpaint(unpadded, ~np.stack(masks))
        boxes = np.repeat(views.boxes, len(masks), axis=0)
        answers = subject.predict_classes(images, boxes)
        is_wrong.append(answers != scan.classes[place])
    return np.array(is_wrong, bool).reshape(-1, 1 + NUM_CONTROLS)


def _controls(mask, outside, random):
    """The same shape elsewhere: as much of it outside, as far from the boxes.

    No two are half the same. Fewer than `NUM_CONTROLS` where there is no room.
    """
    shape = mask[ndimage.find_objects(mask.astype(int))[0]]
    room = np.array(mask.shape) - shape.shape
    # Steps to the nearest box, sides and corners alike, are 1 at least.
    distance = ndimage.distance_transform_cdt(outside, "chessboard")
    distance = np.maximum(distance, outside)
    wanted = _traits(mask & outside, distance)
    least = _LEAST_CONTROL * (mask & outside).sum()
    found = []
    shifts = random.permutation(np.prod(room + 1))[:_NUM_SHIFTS]
    for y, x in zip(*np.unravel_index(shifts, room + 1), strict=True):
        place = np.s_[y : y + shape.shape[0], x : x + shape.shape[1]]
        free = shape & outside[place]
        if (shape & mask[place]).any() or free.sum() < least:
            continue
        difference = np.abs(_traits(free, distance[place]) - wanted)
        found.append((float(difference.sum()), len(found), place, free))
    controls = []
    for _, _, place, free in sorted(found):
        control = np.zeros_like(mask)
        control[place] = free
        if all((control & other).sum() < free.sum() / 2 for other in controls):
            controls.append(control)
        if len(controls) == NUM_CONTROLS:
            break
    return controls


def _traits(mask, distance):
    """Area and mean distance from the boxes, as logarithms."""
    return np.log([mask.sum() + 1.0, distance[mask].mean() + 1.0])
