"""Pictures and summary of a pretraining."""

import shlex

import pipelines
from ssl_voc.pretrain import knn_report
from ssl_voc.pretrain.config import HARDLY_LEARNED
from ssl_voc.tasks import TASKS
from ssl_voc.visualization.contact_sheet import draw_contact_sheet, image_tile

NUM_DRAWN = 32
NUM_SHOWN = 12
_NUM_COLUMNS = 6  # or as many as the views of one photo take


def save_views(run, objective, model):
    """Leaves a picture of some photos and of what the model is shown of them.

    Raises:
        ValueError: when the views cannot teach anything.
    """
    pool = objective.pool
    # From all over: the first ones may be the frames of one film, or scanned covers.
    indices = pipelines.choose_varied(pool.photos, NUM_DRAWN, objective.config.seed)
    images = pool.gather(indices)
    views = objective.draw_views(model, images)
    tiles = []
    for index in range(min(NUM_SHOWN, len(images))):
        photo = pool.photos[indices[index]]
        tiles += [
            image_tile(images[index], objective.title(photo)),
            *(
                image_tile(view[index], f"view {number}")
                for number, view in enumerate(views, 1)
            ),
        ]
    of_photo = 1 + len(views)
    columns = of_photo * max(1, _NUM_COLUMNS // of_photo)
    sheet = run.path / "views.png"
    draw_contact_sheet(sheet, [("", tiles)], columns, tiles_per_group=of_photo)
    print(f"views look like {sheet}", flush=True)


def summarize(run, objective, probe):
    """Returns what `summary.json` shall hold.

    Args:
        run: The `RunFolder` of a run whose epochs are done.
        objective: Its `PretrainingObjective`.
        probe: The `FeatureProbe` on its backbone.
    """
    last = run.read_epochs()[-1]
    summary = {
        entry: last[name]
        for name, entry in objective.summarized.items()
        if name in last
    }
    summary.update(objective.summarize(last))
    summary.update(knn_report.summarize(run, probe, last["epoch"]))
    summary["effective_rank_images"] = len(probe.rank_images)
    summary["num_images"] = len(objective.pool)
    summary["num_skipped"] = len(objective.skipped)
    summary["num_problems"] = len(objective.pool.problems)
    return summary


def format_summary(run, objective, summary):
    """The text that the command ends with."""
    lines = [
        ("backbone", run.path / "backbone.keras"),
        ("pictures", f"{run.path / 'views.png'}, curves.png"),
        *objective.describe(summary),
        (
            "effective rank",
            f"{summary['effective_rank']:.1f} "
            f"on {summary['effective_rank_images']} photos",
        ),
    ]
    measures = (("match gap", "cell_match_gap", 3), ("spatial rank", "spatial_rank", 1))
    # NaN, where a map is too small for pairs of cells, is None here.
    cells = [
        f"{word} {summary[name]:.{digits}f}"
        for word, name, digits in measures
        if summary.get(name) is not None
    ]
    if cells:
        lines.append(("cells", ", ".join(cells)))
    lines += knn_report.describe(summary)
    above_chance = summary.get("loss_over_chance") or 0.0
    if above_chance > HARDLY_LEARNED:
        lines.append(
            (
                "hardly learned",
                f"the loss is {above_chance:.2f} of chance: train longer (--epochs or "
                "--time), on more photos, or start from --weights",
            )
        )
    if objective.skipped:
        skipped = f"{len(objective.skipped)} unreadable photos"
        lines.append(("skipped", f"{skipped}: {run.path / 'skipped.txt'}"))
    *commands, call = next_steps(run.path, objective.config.backbone)
    lines += zip(("next", "or", ""), (*commands, call), strict=True)
    return "\n".join(["", *(f"{heading:<14}  {text}" for heading, text in lines)])


def next_steps(path, backbone_name):
    """The commands that use the backbone, one a task, and the call that loads it."""
    weights = f"--data DATA --weights {shlex.quote(str(path))}"
    commands = [
        f"python -m ssl_voc.finetune --task {task} {weights}" for task in sorted(TASKS)
    ]
    return *commands, f"ssl_voc.backbone({backbone_name!r}, weights={str(path)!r})"
