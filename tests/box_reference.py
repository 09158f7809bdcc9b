"""What the code on boxes should compute, one box at a time, in float64."""

import math

import numpy as np


def area(box):
    """Area of an xyxy box; an inverted one has none."""
    x1, y1, x2, y2 = map(float, box)
    return max(0.0, x2 - x1) * max(0.0, y2 - y1)


def common(box_a, box_b):
    """Area that two boxes share."""
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = map(np.float64, (box_a, box_b))
    return area((max(ax1, bx1), max(ay1, by1), min(ax2, bx2), min(ay2, by2)))


def iou(box_a, box_b):
    """Intersection over union."""
    union = area(box_a) + area(box_b) - common(box_a, box_b)
    return common(box_a, box_b) / union if union > 0 else 0.0


def enclosing(box_a, box_b):
    """The smallest box around both."""
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = map(np.float64, (box_a, box_b))
    return min(ax1, bx1), min(ay1, by1), max(ax2, bx2), max(ay2, by2)


def giou(box_a, box_b):
    """Rezatofighi et al., 2019, algorithm 1."""
    union = area(box_a) + area(box_b) - common(box_a, box_b)
    around = area(enclosing(box_a, box_b))
    return iou(box_a, box_b) - (around - union) / around


def ciou(box_true, box_pred):
    """Zheng et al., 2020, equations 7 to 11."""
    x1, y1, x2, y2 = enclosing(box_true, box_pred)
    diagonal = (x2 - x1) ** 2 + (y2 - y1) ** 2
    sides, centers = [], []
    for box in (box_true, box_pred):
        left, top, right, bottom = map(float, box)
        sides.append((right - left, bottom - top))
        centers.append(((left + right) / 2, (top + bottom) / 2))
    distance = math.dist(*centers) ** 2
    angles = [math.atan(width / height) for width, height in sides]
    v = 4 / math.pi**2 * (angles[0] - angles[1]) ** 2
    overlap = iou(box_true, box_pred)
    alpha = v / (1 - overlap + v) if v else 0.0
    return overlap - distance / diagonal - alpha * v


def random_boxes(random, *shape, size=100.0):
    """Boxes `(*shape, 4)` with sides of 1 to 50 percent of an image of `size`."""
    corners = random.uniform(0.0, 0.5 * size, (*shape, 2))
    sides = random.uniform(0.01 * size, 0.5 * size, (*shape, 2))
    return np.concatenate([corners, corners + sides], axis=-1).astype("float32")
