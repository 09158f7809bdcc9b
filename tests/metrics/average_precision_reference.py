"""Average precision of Pascal VOC in plain loops and exact fractions."""

from fractions import Fraction

import numpy as np

from tests.box_reference import iou


def judge(predictions, ground_truth, label, threshold=0.5):
    """One class, detection by detection, as the devkit's VOCevaldet does it.

    Returns the verdicts ("true", "false", "ignored"), the most confident first, and the
    number of objects to be found.
    """
    objects, ranked = {}, []
    for image, classes in enumerate(ground_truth["classes"]):
        difficult = [False] * len(classes)
        if "difficult" in ground_truth:
            difficult = ground_truth["difficult"][image]
        objects[image] = [
            {"box": box, "difficult": bool(mark), "found": False}
            for box, own, mark in zip(
                ground_truth["boxes"][image], classes, difficult, strict=True
            )
            if own == label
        ]
    for image, classes in enumerate(predictions["classes"]):
        for place, own in enumerate(classes):
            if own == label:
                confidence = float(predictions["confidence"][image][place])
                ranked.append((-confidence, image, place))
    verdicts = []
    for _, image, place in sorted(ranked):
        box = predictions["boxes"][image][place]
        best, best_iou = None, -1.0
        for candidate in objects[image]:
            overlap = iou(box, candidate["box"])
            if overlap > best_iou:
                best, best_iou = candidate, overlap
        if best is None or not best_iou > threshold:
            verdicts.append("false")
        elif best["difficult"]:
            verdicts.append("ignored")
        elif best["found"]:
            verdicts.append("false")
        else:
            best["found"] = True
            verdicts.append("true")
    wanted = sum(
        not candidate["difficult"] for found in objects.values() for candidate in found
    )
    return verdicts, wanted


def average_precision(verdicts, wanted, protocol):
    """Of verdicts in order; every recall is an exact fraction."""
    if not wanted:
        return np.nan
    points, right, counted = [], 0, 0
    for verdict in verdicts:
        if verdict != "ignored":
            right += verdict == "true"
            counted += 1
            points.append((Fraction(right, wanted), Fraction(right, counted)))
    if protocol == "voc07":
        total = Fraction(0)
        for tenth in range(11):
            heights = [p for recall, p in points if recall >= Fraction(tenth, 10)]
            total += max(heights, default=Fraction(0))
        return float(total / 11)
    area, last = Fraction(0), Fraction(0)
    for recall, _ in points:
        height = max(p for other, p in points if other >= recall)
        area += (recall - last) * height
        last = recall
    return float(area)


def per_class(predictions, ground_truth, num_classes, protocol, threshold=0.5):
    """Average precision of each class."""
    return [
        average_precision(*judge(predictions, ground_truth, label, threshold), protocol)
        for label in range(num_classes)
    ]


def confusion(predictions, ground_truth, num_classes, lowest, threshold=0.5):
    """Counts `[true, predicted]`, background last, one detection after another."""
    background = num_classes
    counts = np.zeros((num_classes + 1, num_classes + 1), int)
    for image, classes in enumerate(ground_truth["classes"]):
        labels = predictions["classes"][image]
        confidence = predictions["confidence"][image]
        difficult = ground_truth["difficult"][image]
        ranked = [
            place
            for place in sorted(range(len(labels)), key=lambda i: -confidence[i])
            if labels[place] >= 0 and confidence[place] >= lowest
        ]
        overlaps = [
            [iou(box, other) for other in ground_truth["boxes"][image]]
            for box in predictions["boxes"][image]
        ]
        found, wrong = set(), []
        for place in ranked:
            own = [i for i in range(len(classes)) if classes[i] == labels[place]]
            best = nearest(overlaps[place], own, threshold)
            if best is None or best in found:
                wrong.append(place)
            elif not difficult[best]:
                found.add(best)
                counts[labels[place], labels[place]] += 1
        missed = [
            i
            for i in range(len(classes))
            if classes[i] >= 0 and not difficult[i] and i not in found
        ]
        taken = set()
        for place in wrong:
            best = nearest(overlaps[place], missed, threshold)
            if best is None or best in taken or classes[best] == labels[place]:
                counts[background, labels[place]] += 1
            else:
                taken.add(best)
                counts[classes[best], labels[place]] += 1
        for i in missed:
            if i not in taken:
                counts[classes[i], background] += 1
    return counts


def nearest(overlaps, candidates, threshold):
    """The candidate that overlaps most, the first of equals, if above the threshold."""
    best = max(candidates, key=lambda i: overlaps[i], default=None)
    return best if best is not None and overlaps[best] > threshold else None
