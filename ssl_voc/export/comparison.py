"""Comparison of an artifact's predictions with those of its model."""

import dataclasses

import numpy as np

from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate.tasks import evaluation_of
from ssl_voc.tasks import scores_by_class, task_of

# Largest differences between artifact and evaluator: pixels of the model's square,
# probability.
BOX_TOLERANCE = 1e-2
SCORE_TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True)
class Parity:
    """How far artifact and evaluator are apart.

    Attributes:
        source: Where the photos come from.
        num_photos: Photos compared.
        num_reencoded: Photos that were sent as PNG files, see `ParityPhotos`.
        left_out: Photos that the artifact refuses, each with the reason.
        box_difference: Largest difference of a coordinate, pixels of its photo.
        box_share: Largest difference as a share of what `box_tolerances` allows in its
            photo.
        score_difference: Largest difference of a score.
        num_unmatched: Objects that only one of both has found.
        figure: Name of the figure below.
        of_model, of_artifact: The figure by the evaluator's and by the artifact's
            predictions; None without labels.
        milliseconds: Median and 99th percentile of one photo in a graph Session.
    """

    source: str
    num_photos: int
    num_reencoded: int
    left_out: tuple[str, ...]
    box_difference: float
    box_share: float
    score_difference: float
    num_unmatched: int
    figure: str
    of_model: float | None
    of_artifact: float | None
    milliseconds: tuple[float, float]

    @property
    def holds(self):
        """Whether all differences are within the tolerances."""
        return (
            self.box_share <= 1
            and self.score_difference <= SCORE_TOLERANCE
            and not self.num_unmatched
        )

    def differences(self):
        """The differences in words."""
        words = (
            f"largest box difference {self.box_difference:.2g} px "
            f"({self.box_share:.2g} times what is allowed), largest score difference "
            f"{self.score_difference:.2g} (at most {SCORE_TOLERANCE:g})"
        )
        if self.num_unmatched:
            words += f", {self.num_unmatched} objects found by one of both only"
        return words


def compare_answers(finished, held, expected, answers, seconds, left_out=()):
    """Compares an artifact's predictions with the model's for the same photos.

    Args:
        finished: The `FinishedRun` of the model.
        held: `ParityPhotos` that were asked about.
        expected: What `answers_of_model` gave.
        answers: List of dictionaries of arrays, `"boxes"`, `"scores"` and `"classes"`,
            one for each way of asking.
        seconds: Float array, what single requests took.
        left_out: Photos that had to be left out, each with the reason.

    Returns:
        `Parity` that holds.

    Raises:
        BadInput: when they differ beyond the tolerances.
    """
    task = task_of(finished)
    evaluation = evaluation_of(task)
    expected = task.rank_arrays(expected)
    differences = [largest_differences(task, expected, found) for found in answers]
    boxes, scores, unmatched = (
        np.max(ways, axis=0) for ways in zip(*differences, strict=True)
    )
    allowed = box_tolerances(held.sizes, held.images.shape[1])
    of_model = of_artifact = None
    if held.labelled:
        of_model, of_artifact = (
            evaluation.measure_ranked(held.photos, finished.class_names, ranked)
            for ranked in (expected, answers[-1])
        )
    parity = Parity(
        source=held.source,
        num_photos=len(held.photos),
        num_reencoded=int(held.reencoded.sum()),
        left_out=left_out,
        box_difference=float(np.max(boxes)),
        box_share=float(np.max(boxes / allowed)),
        score_difference=float(scores),
        num_unmatched=int(unmatched),
        figure=evaluation.main_measure,
        of_model=of_model,
        of_artifact=of_artifact,
        milliseconds=tuple(1e3 * np.percentile(seconds, (50, 99))),
    )
    if not parity.holds:
        raise BadInput(
            f"RUN: the artifact's predictions differ from those of the model of "
            f"{finished.path}, on {parity.num_photos} photos of {parity.source}: "
            f"{parity.differences()}. Nothing was exported."
        )
    return parity


def largest_differences(task, expected, found):
    """How far two answers to the same photos are apart.

    Args:
        task: The `Task` that gave both.
        expected: What `Task.rank_arrays` gives.
        found: The same, as something else answers.

    Returns:
        Largest difference of a coordinate in each photo `(n,)`, largest difference of
        a score, and the number of unmatched objects.
    """
    compare = compare_localizations if task.main_object_only else compare_detections
    return compare(expected, found)


def box_tolerances(sizes, side):
    """What boxes may differ by in each photo, in its pixels, float `(n,)`.

    A model's rounding is some share of the square that it sees, and grows with the
    photo. That of float32 at the photo's own coordinates is far less.

    Args:
        sizes: Heights and widths of the photos, integers `(n, 2)`.
        side: Side of the squares in pixels.
    """
    return BOX_TOLERANCE * np.maximum(1.0, np.max(sizes, axis=1) / side)


def compare_localizations(expected, found):
    """See `largest_differences`; no object is unmatched.

    Args:
        expected: `"boxes"` `(n, 1, 4)`, `"scores"` and `"classes"` `(n, num_classes)`,
            as `Task.rank` gives them.
        found: The same, as the artifact answers.
    """
    num_classes = expected["scores"].shape[1]
    scores = [scores_by_class(ranked, num_classes) for ranked in (expected, found)]
    return (
        np.max(np.abs(expected["boxes"] - found["boxes"]), axis=(1, 2)),
        np.max(np.abs(scores[0] - scores[1])),
        0,
    )


def compare_detections(expected, found):
    """See `largest_differences`.

    Detections of equal score may change places, and where a full list ends or scores
    fall below the threshold, the last may differ: what scores within the tolerance of
    a full list's last score, or of the lowest of all photos, is not called unmatched.

    Args:
        expected: `"boxes"` `(n, d, 4)`, `"classes"` and `"scores"` `(n, d)`, padded
            with -1, as `Task.rank` gives them.
        found: The same, as the artifact answers.
    """
    box_differences = np.zeros(len(expected["boxes"]))
    score_difference, num_unmatched = 0.0, 0
    scores = np.stack([expected["scores"], found["scores"]])
    is_object = np.stack([expected["classes"], found["classes"]]) >= 0
    lowest = np.min(scores, where=is_object, initial=np.inf)
    ends = np.where(is_object.all(axis=2), scores[:, :, -1], lowest).max(axis=0)
    for row in range(len(expected["boxes"])):
        pairs, alone = _pair(_objects(expected, row), _objects(found, row))
        for one, other in pairs:
            # By NumPy, whose maximum does not lose a nan.
            moved = np.abs(one[0] - other[0])
            box_differences[row] = np.max([box_differences[row], *moved])
            score_difference = np.max([score_difference, abs(one[1] - other[1])])
        # NaN lies below nothing.
        excused = [item[1] <= ends[row] + SCORE_TOLERANCE for item in alone]
        num_unmatched += excused.count(False)
    return box_differences, score_difference, num_unmatched


def _objects(outputs, row):
    """List of (box, score, class) of one photo."""
    kept = outputs["classes"][row] >= 0
    columns = (outputs[name][row][kept] for name in ("boxes", "scores", "classes"))
    return list(zip(*columns, strict=True))


def _pair(left, right):
    """Pairs each object with the nearest of its class; returns pairs and the rest."""
    pairs, rest, free = [], [], list(right)
    for one in left:
        near = [n for n, other in enumerate(free) if other[2] == one[2]]
        if not near:
            rest.append(one)
            continue
        distances = [
            np.max(np.abs(one[0] - free[n][0])) + abs(one[1] - free[n][1]) for n in near
        ]
        pairs.append((one, free.pop(near[np.argmin(distances)])))
    return pairs, rest + free
