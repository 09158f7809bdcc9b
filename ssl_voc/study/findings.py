"""Findings of a study: figures, differences, costs, from the files of its cells."""

import dataclasses
import itertools
import math

from ssl_voc.evaluate.scores import SCORES, common_photos
from ssl_voc.study.arms import compared
from ssl_voc.study.cells import has_failed
from ssl_voc.study.labels_saved import describe_saving, labels_needed
from ssl_voc.study.plan import (
    cells_of,
    pretraining_cells,
    rate_of,
    trials_of,
    tuning_share,
    weights_of,
)
from ssl_voc.study.verdict import Difference


@dataclasses.dataclass(frozen=True)
class Findings:
    """What the cells of a study tell.

    Attributes:
        plan: The `Plan`.
        done: List of the `Cell`s that are done.
        outcomes: Their results by key.
        scores: Dictionary from (name of the arm, share) to `Scores`, of those that have
            a run on the reported photos.
        failures: List of `(cell, failure)`.
        num_cells: Number of all cells.
    """

    plan: object
    done: list
    outcomes: dict
    scores: dict
    failures: list
    num_cells: int

    @property
    def labels(self):
        """What the measures are called, the main one first, of those that say much."""
        kind = SCORES[self.plan.task].labels
        known = next(iter(self.scores.values()), None)
        names = kind if known is None else known.measures()
        return {name: kind[name] for name in names}

    @property
    def main_measure(self):
        """The measure of the verdict."""
        return next(iter(self.labels))


def read_findings(plan, folder, outcome_of):
    """Reads what is done of a study.

    Args:
        plan: A `Plan`.
        folder: Path of the folder of all cells.
        outcome_of: See `ssl_voc.study.plan.cells_of`.

    Returns:
        `Findings`.
    """
    cells = cells_of(plan, outcome_of)
    outcomes = {cell.key: outcome_of(cell.key) for cell in cells}
    done = [c for c in cells if outcomes[c.key] and not has_failed(outcomes[c.key])]
    measured = {
        cell: cell.evaluation_folder(folder) for cell in done if cell.kind == "finetune"
    }
    kept, scores = common_photos([*measured.values()]), {}
    for arm in plan.arms:
        for share in plan.grid.shares:
            folders = {
                cell.seed: path
                for cell, path in measured.items()
                if (cell.arm, cell.share) == (arm.name, share)
            }
            if folders:
                scores[arm.name, share] = SCORES[plan.task](folders, kept)
    failures = [(c, outcomes[c.key]) for c in cells if has_failed(outcomes[c.key])]
    return Findings(plan, done, outcomes, scores, failures, len(cells))


def figures(findings):
    """Every measure of every arm and share: rows of `report.json`."""
    return [
        {
            "arm": arm,
            "num_labels": findings.plan.count(share),
            "measure": measure,
            "mean": (found := scores.interval(measure)).mean,
            "ci": [found.low, found.high],
            "num_images": scores.num_images,
            "seeds": scores.seeds,
            "by_seed": scores.by_seed(measure),
        }
        for (arm, share), scores in findings.scores.items()
        for measure in findings.labels
    ]


def differences(findings):
    """Of every two arms, by share and measure: `Difference`s, those compared first."""
    plan, found = findings.plan, []
    pairs = compared(plan.arms)
    for baseline, arm in itertools.combinations([arm.name for arm in plan.arms], 2):
        if (arm, baseline) not in pairs and (baseline, arm) not in pairs:
            pairs.append((arm, baseline))
    for (arm, baseline), share in itertools.product(pairs, plan.grid.shares):
        pair = [findings.scores.get((name, share)) for name in (arm, baseline)]
        if None in pair or not {*pair[0].seeds} & {*pair[1].seeds}:
            continue
        for measure in findings.labels:
            item = pair[0].difference(pair[1], measure)
            num_seeds = len({*pair[0].seeds} & {*pair[1].seeds})
            found.append(
                Difference(
                    *(arm, baseline, plan.count(share), measure),
                    *(item.mean, item.low, item.high, num_seeds),
                )
            )
    return found


def savings(findings, rows, gaps):
    """What each arm saves in labels over those it is `compared` with: rows.

    Args:
        findings: `Findings`.
        rows: What `figures` gave.
        gaps: What `differences` gave.
    """
    main = [row for row in rows if row["measure"] == findings.main_measure]
    known = {
        (gap.arm, gap.baseline, gap.num_labels): gap
        for gap in gaps
        if gap.measure == findings.main_measure
    }
    saved = []
    for arm, baseline in compared(findings.plan.arms):
        curve = [(r["num_labels"], r["mean"]) for r in main if r["arm"] == baseline]
        if len(curve) < 2:
            continue
        for row in main:
            if row["arm"] == arm:
                labels, value = row["num_labels"], row["mean"]
                needed = labels_needed(curve, value)
                gap = known.get((arm, baseline, labels))
                # Without a common seed nothing is compared.
                ends = (gap.low - gap.mean, gap.high - gap.mean) if gap else (0.0, 0.0)
                limits = value + ends[0], value + ends[1]
                is_shown = gap is not None and gap.sign != 0
                saved.append(
                    {
                        "arm": arm,
                        "num_labels": labels,
                        "baseline": baseline,
                        "num_labels_of_baseline": None
                        if math.isinf(needed)
                        else needed,
                        "text": describe_saving(
                            arm, baseline, labels, curve, value, limits, is_shown
                        ),
                    }
                )
    return saved


def groups(findings, kind):
    """The main measure by class or size, means over seeds: rows of `report.json`.

    They are of all photos of a run's evaluation, more than the common ones.

    Args:
        findings: `Findings`.
        kind: `"per_class"` or `"per_size"`.
    """
    rows = []
    for (arm, share), scores in findings.scores.items():
        metrics = [scores.metrics[seed][kind] for seed in scores.seeds]
        for name in dict.fromkeys(itertools.chain(*metrics)):
            own = [each[name] for each in metrics if name in each]
            values = [each.get(findings.main_measure) for each in own]
            known = [value for value in values if value is not None]
            count = own[0]
            rows.append(
                {
                    "arm": arm,
                    "num_labels": findings.plan.count(share),
                    "group": name,
                    "number": count.get("num_objects", count.get("num_images")),
                    "mean": sum(known) / len(known) if known else None,
                }
            )
    return rows


def coco_precision(findings):
    """COCO's average precision of detectors, means over seeds: rows.

    As `groups`, of all photos of a run's evaluation.
    """
    rows = []
    for (arm, share), scores in findings.scores.items():
        values = [metrics.get("coco_ap") for metrics in scores.metrics.values()]
        if values and None not in values:
            number, mean = findings.plan.count(share), sum(values) / len(values)
            rows.append({"arm": arm, "num_labels": number, "mean": mean})
    return rows


def rates(findings):
    """The learning rate of each arm and share and how it came about: rows."""
    plan, rows = findings.plan, []
    for arm in plan.arms:
        weights = weights_of(arm, pretraining_cells(plan, arm))
        for share in plan.grid.shares:
            rate = rate_of(plan, arm, share, weights, findings.outcomes.get)
            at = tuning_share(plan.grid, share)
            tried = trials_of(plan, arm, share, weights)
            scores = {
                cell.rate: (findings.outcomes.get(cell.key) or {}).get("score")
                for cell in tried
            }
            rows.append(
                {
                    "arm": arm.name,
                    "num_labels": plan.count(share),
                    "learning_rate": rate,
                    "tried_at_labels": None if at is None else plan.count(at),
                    "validation_scores": {f"{k:g}": v for k, v in scores.items()},
                }
            )
    return rows


def costs(findings):
    """What each arm received, in steps, photos seen and minutes: rows.

    Fine-tunings by share, the mean of seeds; pretrainings once, the sum of the chain.
    """
    plan, rows = findings.plan, []
    done = {cell.key for cell in findings.done}
    for arm in plan.arms:
        chain = pretraining_cells(plan, arm)
        if chain and done.issuperset(cell.key for cell in chain):
            rows.append(_cost(findings, arm.name, "pretraining", chain, 1))
        for share in plan.grid.shares:
            own = [
                cell
                for cell in findings.done
                if (cell.kind, cell.arm, cell.share) == ("finetune", arm.name, share)
            ]
            if own:
                what = f"fine-tuning, {plan.count(share)} labels"
                rows.append(_cost(findings, arm.name, what, own, len(own)))
    return rows


def _cost(findings, arm, what, cells, number):
    outcomes = [findings.outcomes[cell.key] for cell in cells]

    def mean(name):
        return sum(outcome[name] for outcome in outcomes) / number

    return {
        "arm": arm,
        "what": what,
        "runs": len(cells),
        "steps": round(mean("steps")),
        "photos_seen": round(mean("photos_seen")),
        "minutes": mean("training_seconds") / 60,
    }
