"""Differences of average precision, paired photo by photo."""

import numpy as np
import pytest

from ssl_voc.metrics import bootstrap_average_precision, match_detections
from ssl_voc.metrics.average_precision_bootstrap import (
    compare_average_precision,
    paired_average_precision,
)
from tests.metrics.detections import generate


def spoiled(predictions, share, seed):
    """A worse detector: a share of the boxes moved away."""
    moved = np.random.default_rng(seed).random(predictions["classes"].shape) < share
    boxes = predictions["boxes"] + 1000 * moved[..., None]
    return {**predictions, "boxes": boxes}


def test_pairing_cancels_what_is_common():
    predictions, truth = generate(3, num_images=80)
    ours, theirs = (
        match_detections(side, truth, num_classes=4)
        for side in (predictions, spoiled(predictions, 0.3, 0))
    )
    found = paired_average_precision([ours], [theirs], "voc10", 500)
    mean, low, high = found.mean, found.low, found.high
    apart = [
        bootstrap_average_precision(side, "voc10", num_resamples=500)[0]
        for side in (ours, theirs)
    ]
    assert mean == pytest.approx(apart[0].mean - apart[1].mean) and low > 0
    # Independent errors would add in squares.
    independent = np.hypot(*(interval.high - interval.low for interval in apart))
    assert high - low < 0.85 * independent
    # The same runs three times over say no more than once; others are averaged.
    tripled = paired_average_precision([ours] * 3, [theirs] * 3, "voc10", 500)
    approximately = pytest.approx([mean, low, high])
    assert [tripled.mean, tripled.low, tripled.high] == approximately
    pooled = paired_average_precision([ours, theirs], [theirs], "voc10", 10)
    assert pooled.mean == pytest.approx(mean / 2)


def test_an_interval_of_other_seeds_is_wide_where_seeds_disagree():
    predictions, truth = generate(3, num_images=80)
    good, bad = (
        match_detections(side, truth, num_classes=4)
        for side in (predictions, spoiled(predictions, 0.3, 0))
    )
    # One seed gains what the other loses.
    sides = [good, bad], [bad, good]
    fixed = paired_average_precision(*sides, "voc10", 200)
    drawn = paired_average_precision(*sides, "voc10", 200, covers_runs=True)
    assert fixed.mean == drawn.mean == pytest.approx(0.0)
    assert fixed.high - fixed.low < 1e-9 < 0.05 < drawn.high - drawn.low
    with pytest.raises(ValueError, match="pairs"):
        paired_average_precision([good], sides[1], "voc10", 10, covers_runs=True)


def test_detectors_on_different_objects_are_not_compared():
    predictions, truth = generate(7)
    ours = match_detections(predictions, truth, num_classes=4)
    harder = {**truth, "difficult": ~truth["difficult"]}
    renamed = {**truth, "classes": np.where(truth["classes"] == 0, 1, truth["classes"])}
    moved = {name: values[::-1] for name, values in truth.items()}
    wider = {**truth, "boxes": truth["boxes"] * 1.1}
    for other in (harder, renamed, moved, wider):
        theirs = match_detections(predictions, other, num_classes=4)
        with pytest.raises(ValueError, match="same images and objects"):
            paired_average_precision([ours], [theirs], "voc07", 10)
        with pytest.raises(ValueError, match="same images and objects"):
            compare_average_precision([ours, theirs], "voc07", 10)
