import numpy as np
import pytest

from ssl_voc.tasks.weighted_boxes_fusion import fuse_boxes
from tests.box_reference import iou


def naive_fusion(boxes, scores, classes, num_views, threshold):
    """The algorithm of Solovyev et al., 2019, section 3, step by step."""
    detections = sorted(zip(scores, boxes, classes, strict=True), key=lambda d: -d[0])
    clusters, fused = [], []
    for score, box, label in detections:
        best, found = threshold, None
        for place, (_, other, its_label) in enumerate(fused):
            overlap = iou(box, other)
            if its_label == label and overlap > best:
                best, found = overlap, place
        if found is None:
            clusters.append([])
            fused.append(None)
            found = len(clusters) - 1
        clusters[found].append((score, box))
        total = sum(s for s, _ in clusters[found])
        mean = [sum(s * b[i] for s, b in clusters[found]) / total for i in range(4)]
        fused[found] = total / len(clusters[found]), mean, label
    rescaled = [
        (score * min(len(cluster), num_views) / num_views, box, label)
        for cluster, (score, box, label) in zip(clusters, fused, strict=True)
    ]
    return sorted(rescaled, key=lambda d: -d[0])


def draw(num_views=4, seed=0):
    """Detections of the same objects in several views, jittered, and some of none."""
    random = np.random.default_rng(seed)
    objects = np.array([(5, 5, 40, 50), (30, 20, 80, 70), (32, 22, 85, 66)], "float64")
    boxes, scores, classes = [], [], []
    for _ in range(num_views):
        for number, box in enumerate(objects):
            if random.random() < 0.8:
                boxes.append(box + random.normal(0, 3, 4))
                scores.append(random.uniform(0.1, 1.0))
                classes.append(number % 2)
        start = random.uniform(0, 60, 2)
        boxes.append([*start, *(start + random.uniform(5, 30, 2))])
        scores.append(random.uniform(0.01, 0.3))
        classes.append(int(random.integers(2)))
    return np.array(boxes), np.array(scores), np.array(classes)


@pytest.mark.parametrize("seed", range(20))
def test_fusion_is_that_of_the_paper(seed):
    detections = draw(seed=seed)
    boxes, scores, classes = fuse_boxes(*detections, num_views=4)
    expected = naive_fusion(*detections, 4, 0.55)
    assert len(expected) == len(scores) < len(detections[0])
    for row, (score, box, label) in enumerate(expected):
        assert scores[row] == pytest.approx(score)
        assert classes[row] == label
        np.testing.assert_allclose(boxes[row], box)


def test_a_box_that_all_views_agree_on_stays_and_one_of_four_is_worth_a_quarter():
    box = (10.0, 10.0, 30.0, 40.0)
    boxes, scores, classes = fuse_boxes([box] * 4, [0.8] * 4, [2] * 4, 4)
    np.testing.assert_allclose(boxes, [box])
    assert (scores[0], classes[0]) == (pytest.approx(0.8), 2)
    assert fuse_boxes([box], [0.8], [2], 4)[1][0] == pytest.approx(0.2)


def test_boxes_are_weighted_by_score_and_classes_are_apart():
    pair = [(0.0, 0.0, 10.0, 10.0), (2.0, 0.0, 12.0, 10.0)]
    boxes, scores, _ = fuse_boxes(pair, [0.9, 0.3], [0, 0], 2)
    # (0.9 * 0 + 0.3 * 2) / 1.2 = 0.5, and (0.9 + 0.3) / 2.
    np.testing.assert_allclose(boxes, [(0.5, 0.0, 10.5, 10.0)])
    assert scores.tolist() == pytest.approx([0.6])
    assert len(fuse_boxes(pair, [0.9, 0.3], [0, 1], 2)[0]) == 2


def test_no_detections_give_none():
    boxes, scores, classes = fuse_boxes(np.zeros((0, 4)), [], [], 4)
    assert boxes.shape == (0, 4) and scores.shape == classes.shape == (0,)
