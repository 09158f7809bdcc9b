"""Verdict of a study in plain words, which claims no more than the intervals show."""

import dataclasses

from ssl_voc.evaluate.difference_sign import difference_sign

# Of fewer, the seeds' part of an interval is over twice as wide as of many.
_USEFUL_SEEDS = 4


@dataclasses.dataclass(frozen=True)
class Difference:
    """How an arm compares with another one at one number of labels.

    Attributes:
        arm: Name of the arm.
        baseline: Name of the arm that it is compared with.
        num_labels: Number of labels of both.
        measure: Name of the measure.
        mean: The arm less the baseline.
        low: Lower end of the 95 % interval.
        high: Upper end.
        num_seeds: Number of seeds of each.
    """

    arm: str
    baseline: str
    num_labels: int
    measure: str
    mean: float
    low: float
    high: float
    num_seeds: int

    @property
    def sign(self):
        """1 where the arm is ahead, -1 where it is behind, 0 where nothing is shown."""
        return difference_sign(self.low, self.high)

    def text(self):
        """The mean and its interval."""
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"

    def marked_text(self):
        """The same, behind a star where it is clear of zero."""
        return "*" * (self.sign != 0) + self.text()


def give_verdict(differences, label):
    """What the study shows, a line for each pair of arms and what to keep in mind.

    Args:
        differences: List of `Difference`s of the main measure, in the order of telling.
        label: What that measure is called.

    Returns:
        List of lines, the answer first.
    """
    if not differences:
        return ["No verdict: no two arms were measured on the same photos yet."]
    lines = []
    for pair in dict.fromkeys((item.arm, item.baseline) for item in differences):
        own = [item for item in differences if (item.arm, item.baseline) == pair]
        lines.append(_of_pair(own, label))
    return [*lines, *_cautions(differences)]


def _of_pair(own, label):
    arm, baseline = own[0].arm, own[0].baseline
    groups = {sign: [item for item in own if item.sign == sign] for sign in (1, -1, 0)}
    if len(groups[0]) == len(own):
        text = f"No difference shown between {arm} and {baseline}: "
    elif not groups[-1] and not groups[0]:
        text = f"Yes, {arm} is better than {baseline}: "
    elif not groups[1] and not groups[0]:
        text = f"No, {arm} is worse than {baseline}: "
    elif not groups[-1]:
        text = f"Partly, {arm} is better than {baseline} at some numbers of labels: "
    elif not groups[1]:
        text = f"No, {arm} is worse than {baseline} at some numbers of labels: "
    else:
        text = f"It depends on the labels whether {arm} is better than {baseline}: "
    words = {1: "ahead", -1: "behind", 0: "no difference shown"}
    parts = [
        f"{words[item.sign]} with {item.num_labels} labels, {item.text()}"
        for item in own
    ]
    return f"{text}{label} {'; '.join(parts)}."


def _cautions(differences):
    fewest = min(item.num_seeds for item in differences)
    most = max(item.num_seeds for item in differences)
    counts = {item.num_labels: None for item in differences if item.num_seeds == fewest}
    where = "" if fewest == most else f" at {', '.join(map(str, counts))} labels"
    if fewest == 1:
        yield (
            f"One seed each{where}: the intervals are of the photos alone. Another "
            "seed of training may turn a small difference round; more --seeds tell."
        )
    elif fewest < _USEFUL_SEEDS:
        yield (
            f"{fewest} seeds each{where} tell little of how much the seed matters, and "
            "the intervals are wide: more --seeds may show what these do not."
        )
    shown, number = sum(item.sign != 0 for item in differences), len(differences)
    if number > 1 and shown and most > 1:
        yield (
            f"{shown} of {number} differences are clear of zero; of {number} that are "
            f"none, {number / 20:.2g} would look so by chance."
        )
