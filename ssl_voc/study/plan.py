"""Plan of a study: its grid, and the cells that the grid is made of."""

import dataclasses
import math

from pipelines.readers.training_splits import VALIDATION_SHARE
from ssl_voc.study.arms import Arm, Link, values_of
from ssl_voc.study.cells import RUN_OF, Cell, has_failed
from ssl_voc.training.default_epochs import default_epochs

EXPLAINED_PHOTOS, SHOWN_PHOTOS = 100, 8


@dataclasses.dataclass(frozen=True)
class Grid:
    """What a budget may make smaller, for all arms alike.

    Attributes:
        shares: Shares of the labels, ascending, in `(0, 1]`.
        tuned: Those at which the learning rate is chosen.
        seeds: Seeds of the fine-tunings.
        rates: Learning rates to choose from, the default first.
        epochs: Passes over all labels.
        least_steps: Steps that a fine-tuning takes at least, however few its labels.
        batch_size: Photos of a step.
        samples_seen: Photos that each pretraining sees, repeats counted.
        explain: Whether heat maps are compared.
    """

    shares: tuple[float, ...]
    tuned: tuple[float, ...]
    seeds: tuple[int, ...]
    rates: tuple[float, ...]
    epochs: int
    samples_seen: int
    explain: bool
    least_steps: int = 0
    batch_size: int = 1

    def epochs_at(self, share, count):
        """Passes over some labels: fewer photos are seen more often.

        By the square root: a tenth of the labels gets a third of the steps, though
        no fewer than `least_steps`, which no start may lack.

        Args:
            share: Their share of all labels.
            count: Their number.
        """
        wanted = round(self.epochs / math.sqrt(share))
        return default_epochs(max(1, wanted), self.least_steps, self._steps(count))

    def steps_at(self, share, count):
        """Steps of a fine-tuning, see `epochs_at`."""
        return self.epochs_at(share, count) * self._steps(count)

    def _steps(self, count):
        return max(1, count // self.batch_size)


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything that decides what a study runs.

    Attributes:
        arms: The arms; the first is what the others are compared with.
        grid: The `Grid`.
        num_labels: Number of labelled photos at each share, in the order of shares.
        num_pretraining_photos: Number of photos of each pretraining, by the `key` of
            its `Link`.
        digests: What `StudyPhotos.digests` gives: runs on other photos, or from other
            weights, are others.
        common: Pairs of flag and value of every fine-tuning.
        pretraining: The same of every pretraining.
        evaluation: The same of every evaluation and explanation.
        finetune_flags: Further words of every fine-tuning.
        pretrain_flags: Further words of every pretraining.
        task: Name of the task.
        left_out: What does not take part, and why, a line each.
    """

    arms: tuple[Arm, ...]
    grid: Grid
    num_labels: tuple[int, ...]
    num_pretraining_photos: dict[tuple[str, ...], int]
    digests: tuple
    common: tuple
    pretraining: tuple
    evaluation: tuple
    finetune_flags: tuple[str, ...] = ()
    pretrain_flags: tuple[str, ...] = ()
    task: str = "localize"
    left_out: tuple[str, ...] = ()

    def count(self, share):
        """Number of labelled photos at a share."""
        return self.num_labels[self.grid.shares.index(share)]

    @property
    def steps(self):
        """Number of steps of a fine-tuning at each share, in the order of shares."""
        return [*map(self.grid.steps_at, self.grid.shares, self.num_labels)]


def cells_of(plan, outcome_of):
    """All cells of a plan, in the order in which they are run.

    Args:
        plan: A `Plan`.
        outcome_of: Function from a key to the result of that cell: a dictionary, which
            has `"failed"` where it failed, or None before it is done.

    Returns:
        List of `Cell`; those whose learning rate is not chosen yet are not `is_ready`.
    """
    learned = {arm.name: pretraining_cells(plan, arm) for arm in plan.arms}
    weights = {arm.name: weights_of(arm, learned[arm.name]) for arm in plan.arms}
    cells = {cell.key: cell for chain in learned.values() for cell in chain}
    pairs = [(arm, share) for share in plan.grid.shares[::-1] for arm in plan.arms]
    for arm, share in pairs:
        if share in plan.grid.tuned:
            for cell in tuning_cells(plan, arm, share, weights[arm.name]):
                cells[cell.key] = cell
    known = []
    for arm, share in pairs:
        place = plan, arm, share, weights[arm.name]
        trials = tuple(cell.key for cell in trials_of(*place))
        known.append((place, rate_of(*place, outcome_of), trials))
    for seed in plan.grid.seeds:
        for place, rate, trials in known:
            cell = _finetuning(*place, rate, seed, trials=trials)
            cells[cell.key] = cell
    if plan.grid.explain:
        found = _explanations(plan, [*cells.values()])
        cells.update({cell.key: cell for cell in found})
    return [*cells.values()]


def pretraining_cells(plan, arm):
    """The cells of the pretrainings of an arm, in order."""
    cells = []
    for link in arm.pretrainings:
        start = cells[-1].full_title if cells else _last(arm.start)
        cells.append(_pretraining(plan, link, weights_of(arm, cells), start))
    return cells


def weights_of(arm, pretrainings):
    """The weights of an arm after some of its pretrainings, as cells name them."""
    return RUN_OF + pretrainings[-1].key if pretrainings else arm.start


def tuning_cells(plan, arm, share, weights):
    """The cells that try the learning rates of an arm at a share of the labels."""
    seed = plan.grid.seeds[0]
    return [
        _finetuning(plan, arm, share, weights, rate, seed, tunes=True)
        for rate in plan.grid.rates
    ]


def trials_of(plan, arm, share, weights):
    """The cells whose scores choose the rate of an arm at a share; none without."""
    at = tuning_share(plan.grid, share)
    return [] if at is None else tuning_cells(plan, arm, at, weights)


def rate_of(plan, arm, share, weights, outcome_of):
    """The learning rate of an arm at a share; None before it is known.

    A trial that failed tells nothing, unlike one that diverged: the rate stays unknown.
    It is the best of those that were tried at this share, or, where that was not done,
    at the next larger, else the next smaller one.
    """
    outcomes = [outcome_of(c.key) for c in trials_of(plan, arm, share, weights)]
    if not outcomes:
        return plan.grid.rates[0]
    if None in outcomes or any(map(has_failed, outcomes)):
        return None
    scores = [outcome.get("score") for outcome in outcomes]
    return choose_rate(plan.grid.rates, scores)


def tuning_share(grid, share):
    """The share whose trials tell the learning rate at `share`; None without any."""
    larger = [other for other in grid.tuned if other >= share]
    return min(larger) if larger else max(grid.tuned, default=None)


def choose_rate(rates, scores):
    """The rate of the highest score, the first of equal ones; None is no score.

    Where none has one, as where all diverged, it is the lowest rate.
    """
    if not any(score is not None for score in scores):
        return min(rates)
    scores = [-math.inf if score is None else score for score in scores]
    return rates[scores.index(max(scores))]


def _pretraining(plan, link: Link, weights, start):
    photos = plan.num_pretraining_photos[link.key]
    epochs = max(1, round(plan.grid.samples_seen / photos))
    flags = *plan.pretrain_flags, *link.flags
    own = (("--val-share", 0),) if link.objective == "supervised" else ()
    return Cell(
        kind="pretrain",
        title=" ".join(
            [f"pretrain {link.objective} on", *map(_last, link.source), *link.flags]
        )
        + " goes on" * weights.startswith(RUN_OF),
        start="" if start == "none" else start,
        settings=(
            ("--objective", link.objective),
            ("--data", link.source),
            ("--weights", weights),
            ("--epochs", epochs),
            *own,
            *plan.pretraining,
        ),
        flags=flags,
        digest=_digest(plan, link.key, weights, flags),
        epochs=epochs,
        photos=photos,
    )


def _finetuning(plan, arm, share, weights, rate, seed, tunes=False, trials=()):
    photos = plan.count(share)
    epochs = plan.grid.epochs_at(share, photos)
    flags = *plan.finetune_flags, *arm.flags
    settings = [
        *plan.common,
        ("--weights", weights),
        ("--label-fraction", share),
        ("--epochs", epochs),
        ("--seed", seed),
        ("--learning-rate", rate),
    ]
    settings.append(("--val-share", VALIDATION_SHARE if tunes else 0))
    what = f"rate {rate:g}" if tunes else f"seed {seed}"
    return Cell(
        kind="tune" if tunes else "finetune",
        title=f"{'try' if tunes else 'fine-tune'} {arm.name}, {photos} labels, {what}",
        settings=tuple(settings),
        evaluation=() if tunes else plan.evaluation,
        flags=flags,
        digest=_digest(plan, (), weights, flags),
        arm=arm.name,
        share=share,
        seed=seed,
        rate=rate,
        epochs=epochs,
        photos=photos,
        trials=trials,
    )


def _digest(plan, photos, weights, flags):
    """What names photos, labels and files of weights beyond their paths."""
    known = dict(plan.digests)
    teachers = values_of("--teacher", flags)
    files = weights, dict(plan.common).get("--backbone"), *teachers
    others = [("weights", path) for path in files]
    others += [("unlabeled", name) for name in values_of("--unlabeled", flags)]
    return known[photos] + "".join(known.get(other, "") for other in others)


def _explanations(plan, cells):
    """Each arm beside the first, at the most labels, of the first seed."""
    own = {
        cell.arm: cell
        for cell in cells
        if cell.kind == "finetune"
        and cell.share == plan.grid.shares[-1]
        and cell.seed == plan.grid.seeds[0]
    }
    baseline, *others = own.values()
    for cell in others:
        yield Cell(
            kind="explain",
            title=f"heat maps of {cell.arm} and {baseline.arm}",
            settings=(
                ("", RUN_OF + cell.key),
                ("--baseline", RUN_OF + baseline.key),
                ("--num-images", EXPLAINED_PHOTOS),
                ("--num-shown", SHOWN_PHOTOS),
                ("--num-perturbed", 0),
                *plan.evaluation,
            ),
            arm=cell.arm,
            share=cell.share,
            rate=None if baseline.rate is None else cell.rate,
        )


def _last(source):
    return source.rstrip("/").removesuffix("/backbone.keras").rpartition("/")[2]
