"""Pictures and summary of a pretraining."""

import shlex

import pipelines
from ssl_voc.pretrain import knn_report
from ssl_voc.visualization.contact_sheet import draw_contact_sheet, image_tile

NUM_DRAWN = 32
NUM_SHOWN = 12
_DEFAULT_BACKBONE = "EfficientNetB1"  # of the commands that come next


def save_views(run, objective, model):
    """Leaves a picture of some photos and of what the model is shown of them.

    Raises:
        ValueError: when the views cannot teach anything.
    """
    pool = objective.pool
    # From all over: the first ones may be the frames of one film, or scanned covers.
    indices = pipelines.choose_varied(pool.photos, NUM_DRAWN, objective.config.seed)
    images = pool.gather(indices)
    views_a, views_b = objective.draw_views(model, images)
    tiles = []
    for index in range(min(NUM_SHOWN, len(images))):
        photo = pool.photos[indices[index]]
        tiles += [
            image_tile(images[index], objective.title(photo)),
            image_tile(views_a[index], "view a"),
            image_tile(views_b[index], "view b"),
        ]
    draw_contact_sheet(run.path / "views.png", [("", tiles)], 6, tiles_per_group=3)
    print(f"views look like {run.path / 'views.png'}", flush=True)


def summarize(run, objective, probe):
    """Returns what `summary.json` shall hold.

    Args:
        run: The `RunFolder` of a run whose epochs are done.
        objective: Its `PretrainingObjective`.
        probe: The `FeatureProbe` on its backbone.
    """
    last = run.read_jsonl("metrics.jsonl")[-1]
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
    lines += knn_report.describe(summary)
    if objective.skipped:
        skipped = f"{len(objective.skipped)} unreadable photos"
        lines.append(("skipped", f"{skipped}: {run.path / 'skipped.txt'}"))
    command, call = next_steps(run.path, objective.config.backbone)
    lines += [("next", command), ("", call)]
    return "\n".join(["", *(f"{heading:<14}  {text}" for heading, text in lines)])


def next_steps(path, backbone_name):
    """The command that uses the backbone, and the call that loads it."""
    command = ["python", "-m", "ssl_voc.finetune", "--task", "localize", "--data DATA"]
    if backbone_name != _DEFAULT_BACKBONE:
        command += ["--backbone", shlex.quote(backbone_name)]
    command += ["--weights", shlex.quote(str(path))]
    call = f"ssl_voc.backbone({backbone_name!r}, weights={str(path)!r})"
    return " ".join(command), call
