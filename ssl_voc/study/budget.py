"""Time of cells, and the grid made smaller until it fits into a budget."""

import dataclasses
import math

from ssl_voc.cli.errors import BadInput
from ssl_voc.pretrain.config import PretrainConfig
from ssl_voc.pretrain.objectives.registry import OBJECTIVES
from ssl_voc.study.arms import values_of
from ssl_voc.study.plan import cells_of

# Share of the budget that is planned with: machines slow down.
PLANNED_SHARE = 0.9
# A pretraining sees no fewer than this share of the photos that it would without a
# budget.
LEAST_SHARE_SEEN = 0.25
# Of the start of a training: loading, predicting, drawing.
_EVALUATION, _EXPLANATION = 0.5, 1.5
USUAL_VIEW = PretrainConfig.image_size


@dataclasses.dataclass(frozen=True)
class Pace:
    """How fast this machine is, by a short trial.

    Attributes:
        start_seconds: Loading, preparing and compiling of a training.
        photo_seconds: Training on one photo.
        pause_seconds: Between two epochs.
        image_size: Side in pixels of the photos of that trial.
    """

    start_seconds: float
    photo_seconds: float
    pause_seconds: float
    image_size: int = USUAL_VIEW

    def seconds(self, cell):
        """Time of a cell.

        Args:
            cell: A `Cell`.
        """
        if cell.kind == "explain":
            return _EXPLANATION * self.start_seconds
        views = 1
        if cell.kind == "pretrain":
            objective = OBJECTIVES[dict(cell.settings)["--objective"]]
            views = objective.cost_in_views
            views *= (view_size(cell.flags) / self.image_size) ** 2
        epoch = views * cell.photos * self.photo_seconds + self.pause_seconds
        start = self.start_seconds * (1 + _EVALUATION * cell.is_evaluated)
        return start + cell.epochs * epoch


def view_size(flags):
    """Side in pixels of the views of a pretraining with some flags."""
    return int([USUAL_VIEW, *values_of("--image-size", flags)][-1])


def total_seconds(plan, pace):
    """Time of all cells of a plan."""
    return sum(pace.seconds(cell) for cell in cells_of(plan, lambda key: None))


def fit_to_budget(plan, pace, seconds, keeps_samples=False):
    """Makes a plan smaller until it fits, in a fixed order, for all arms alike.

    What is given up, in this order: shares of the labels between the smallest and the
    largest; all seeds but three; the choice of a learning rate at all shares but the
    largest; half of the epochs; heat maps; the choice of a rate; all shares but the
    largest; half of the epochs again; all seeds but one. Pretrainings get the time that
    is left, as far as they can use it; what then is left after epochs were halved, more
    epochs.

    Args:
        plan: A `Plan`.
        pace: A `Pace`.
        seconds: The budget.
        keeps_samples: Whether pretrainings see all the photos of the plan.

    Returns:
        The `Plan`, whose `left_out` says what was given up.

    Raises:
        BadInput: when the smallest grid does not fit.
    """
    available, samples_seen = PLANNED_SHARE * seconds, plan.grid.samples_seen
    least = 1.0 if keeps_samples else LEAST_SHARE_SEEN
    least = max(1, round(least * samples_seen))
    chosen, lines = _with_grid(plan, samples_seen=least), []
    for change, line in (({}, ""), *_reductions(plan.grid)):
        before, chosen = chosen, _with_grid(chosen, **change)
        lines += [line] if line else []
        if total_seconds(chosen, pace) <= available:
            break
    else:
        lacking = total_seconds(chosen, pace) / PLANNED_SHARE - seconds
        raise BadInput(
            "--budget: the smallest grid, of one seed and all labels, needs "
            f"{math.ceil(lacking / 60)}m more. Give them, or fewer --arm or "
            "--samples-seen."
        )
    chosen = _with_more_samples(chosen, pace, available, samples_seen)
    chosen = _with_more_epochs(chosen, pace, available, before.grid)
    if chosen.grid.epochs < plan.grid.epochs:
        lines.append(
            f"fine-tunings pass over all labels {chosen.grid.epochs} times in place of "
            f"{plan.grid.epochs}"
        )
    share = chosen.grid.samples_seen / samples_seen
    if share < 1.0 and any(arm.pretrainings for arm in plan.arms):
        lines.append(
            f"pretrainings see {chosen.grid.samples_seen:,} photos, {share:.0%} of the "
            f"{samples_seen:,} that they would see without --budget"
        )
    return dataclasses.replace(chosen, left_out=(*plan.left_out, *lines))


def _reductions(grid):
    """Changes of a grid and what each gives up, in the order they are made."""
    shares, tuned, epochs = grid.shares, grid.tuned, grid.epochs
    while len(shares) > 2:
        # The second one: the largest tell most for their time.
        gone, shares = shares[1], (shares[0], *shares[2:])
        tuned = tuple(share for share in tuned if share != gone)
        yield {"shares": shares, "tuned": tuned}, _share(gone)
    if len(grid.seeds) > 3:
        yield {"seeds": grid.seeds[:3]}, f"{len(grid.seeds) - 3} of the seeds"
    if len(tuned) > 1:
        yield {"tuned": tuned[-1:]}, "learning rates at fewer labels: those of the most"
    if epochs > 1:
        halved = {"epochs": epochs // 2, "least_steps": grid.least_steps // 2}
        yield halved, ""
    if grid.explain:
        yield {"explain": False}, "heat maps"
    if grid.tuned:
        yield {"tuned": ()}, "the choice of learning rates: all arms have the default"
    if len(shares) > 1:
        yield {"shares": shares[-1:]}, ", ".join(map(_share, shares[:-1]))
    if epochs > 3:
        quartered = {"epochs": epochs // 4, "least_steps": grid.least_steps // 4}
        yield quartered, ""
    if len(grid.seeds) > 1:
        yield {"seeds": grid.seeds[:1]}, "all seeds but one"


def _share(share):
    return f"{100 * share:.3g} % of the labels"


def _with_grid(plan, **changes):
    """The plan with another grid; numbers of labels follow its shares."""
    grid = dataclasses.replace(plan.grid, **changes)
    counts = tuple(plan.count(share) for share in grid.shares)
    return dataclasses.replace(plan, grid=grid, num_labels=counts)


def _with_more_samples(plan, pace, available, most):
    """The plan whose pretrainings take what is left of the time, all alike."""
    spent, least = total_seconds(plan, pace), plan.grid.samples_seen
    if spent >= available:
        return plan
    more = total_seconds(_with_grid(plan, samples_seen=most), pace) - spent
    if more <= available - spent:
        return _with_grid(plan, samples_seen=most)
    samples_seen = least + int((most - least) * (available - spent) / more)
    return _with_grid(plan, samples_seen=samples_seen)


def _with_more_epochs(plan, pace, available, before):
    """The plan whose fine-tunings take what is left, up to the epochs of a grid."""
    low, high = plan.grid.epochs, before.epochs
    while low < high:
        epochs = (low + high + 1) // 2
        steps = before.least_steps * epochs // before.epochs
        longer = _with_grid(plan, epochs=epochs, least_steps=steps)
        if total_seconds(longer, pace) <= available:
            low, plan = epochs, longer
        else:
            high = epochs - 1
    return plan
