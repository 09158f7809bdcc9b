"""The arithmetic of comparing two detectors by their evaluations."""

import json

import numpy as np
import pytest

from benchmarks import compare_detectors
from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate.detection.image_matches import read_image_matches
from ssl_voc.evaluate.detection.records import image_rows
from ssl_voc.metrics import (
    bootstrap_average_precision,
    match_detections,
    score_matches,
)
from ssl_voc.metrics.average_precision_bootstrap import (
    compare_average_precision,
    paired_average_precision,
)
from ssl_voc.runs.json_files import to_json
from tests.evaluate.detection.cases import NAMES, random_case
from tests.metrics.detections import generate


def write_evaluation(folder, found, coco_ap):
    """What `compare` reads of an evaluation."""
    folder.mkdir()
    rows = "".join(to_json(row) + "\n" for row in image_rows(found, 0.5))
    (folder / "images.jsonl").write_text(rows)
    metrics = {"class_names": list(NAMES)}
    for protocol in ("voc07", "voc10"):
        metrics[f"{protocol}_ap50"] = score_matches(found.matches, protocol).mean
    for name in compare_detectors.COCO:
        metrics[name] = coco_ap
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setattr(compare_detectors, "NUM_RESAMPLES", 100)
    found = random_case(seed=0)
    return [
        write_evaluation(tmp_path / "ours", found, 0.4),
        write_evaluation(tmp_path / "again", found, 0.2),
    ]


def test_equal_detections_differ_by_nothing_and_seeds_of_a_side_are_averaged(folders):
    report = compare_detectors.compare(folders[:1], folders[1:])
    figure = report["figures"]["voc07_ap50"]
    assert figure["ours"] == figure["theirs"] > 0
    assert figure["difference"] == 0 and figure["ci"] == [0, 0]
    assert report["num_images"] == 60
    figure = compare_detectors.compare(folders, folders[:1])["figures"]["coco_ap"]
    assert figure == pytest.approx({"ours": 0.3, "theirs": 0.4})


def test_rows_of_other_photos_classes_or_tasks_are_refused(folders):
    path = folders[1] / "images.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(SystemExit, match="is of other photos than"):
        compare_detectors.compare(folders[:1], folders[1:])
    with pytest.raises(BadInput, match="images.jsonl: expected .* classes fox"):
        read_image_matches(folders[0], ["fox"])
    (folders[0] / "images.jsonl").write_text('{"image_id": "p", "class": "cat"}\n')
    with pytest.raises(BadInput, match="of task detect"):
        read_image_matches(folders[0], NAMES)


def test_rows_of_images_give_the_same_figures(folders):
    keys, matches = read_image_matches(folders[0], NAMES)
    assert keys == [("set", f"p{number}") for number in range(60)]
    for protocol in ("voc07", "voc10"):
        np.testing.assert_array_equal(
            score_matches(matches, protocol).per_class,
            score_matches(random_case(seed=0).matches, protocol).per_class,
        )


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
    for other in (harder, renamed, moved):
        theirs = match_detections(predictions, other, num_classes=4)
        with pytest.raises(ValueError, match="same images and objects"):
            paired_average_precision([ours], [theirs], "voc07", 10)
        with pytest.raises(ValueError, match="same images and objects"):
            compare_average_precision([ours, theirs], "voc07", 10)
