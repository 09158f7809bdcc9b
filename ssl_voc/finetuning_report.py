"""What a fine-tuning leaves for people: lists, pictures, figures and last words."""

import numpy as np

import pipelines
from ssl_voc.finetuning_data import HELD_OUT_LIST
from ssl_voc.runs.boxes_on_images import outline_boxes
from ssl_voc.runs.plots import Panel, plot_curves, plot_image_grid

NUM_SHOWN = 12
MEASURES = ("top1", "mean_iou", "loc_acc_50", "loc_acc_70")


def record_data(run, config, data):
    """Notes in the run folder what was skipped and what the model will know."""
    pools = [pool for pool in (data.training, data.validation) if pool is not None]
    skipped = [item for pool in pools for item in pool.skipped]
    run.write_text("skipped.txt", pipelines.skipped_table(skipped))
    run.update_manifest(
        task=config.task,
        class_names=list(data.training.class_names),
        image_size=config.image_size,
        num_training=len(data.training),
        num_validation=0 if data.validation is None else len(data.validation),
        num_left_out=sum(len(pool.left_out) for pool in pools),
        num_leaked=data.report.num_leaked,
    )


def save_examples(run, pool, augmenter):
    """Leaves a picture of what the model will be shown, boxes and all."""
    batch = pool.gather(np.arange(min(NUM_SHOWN, len(pool))))
    drawn = augmenter(
        {name: batch[name] for name in ("images", "bounding_boxes")}, training=True
    )
    grid, titles = [], []
    for index, photo_index in enumerate(batch["image_index"]):
        name = pool.photos[int(photo_index)].image_id[:14]
        for part, title in ((batch, name), (drawn, "as augmented")):
            boxes = np.asarray(part["bounding_boxes"]["boxes"][index])
            grid.append(outline_boxes(np.asarray(part["images"][index]), boxes))
            titles.append(title)
        label = int(batch["bounding_boxes"]["classes"][index, 0])
        titles[-2] += f": {pool.class_names[label]}"
    plot_image_grid(grid, run.path / "examples.png", columns=6, titles=titles)
    print(f"training photos look like {run.path / 'examples.png'}", flush=True)


def draw_curves(run):
    """Draws `curves.png` from the epochs so far."""
    panels = [
        Panel(("loss", "val_loss"), "loss"),
        Panel(("top1", "val_top1"), "top-1 accuracy"),
        Panel(("mean_iou", "val_mean_iou"), "mean IoU"),
        Panel(("loc_acc_50", "val_loc_acc_50", "val_loc_acc_70"), "LocAcc"),
    ]
    plot_curves(run.read_jsonl("metrics.jsonl"), run.path / "curves.png", panels)


def summarize(run, data, epoch):
    """What `summary.json` shall hold: figures of the epoch whose weights are kept."""
    rows = {row["epoch"]: row for row in run.read_jsonl("metrics.jsonl")}
    row = rows[epoch]
    summary = {"epoch": epoch, "loss": row["loss"]}
    for name in MEASURES:
        summary[f"training_{name}"] = row[name]
        if f"val_{name}" in row:
            summary[f"val_{name}"] = row[f"val_{name}"]
    last = rows[max(rows)]
    for name in ("images_per_second", "data_wait_share"):
        if name in last:
            summary[name] = last[name]
    summary["num_images"] = len(data.training)
    summary["num_validation"] = 0 if data.validation is None else len(data.validation)
    summary["class_names"] = list(data.training.class_names)
    return summary


def last_words(run, config, data, summary):
    """The last words of the command, as text."""
    lines = [
        "",
        f"model           {run.path / 'model.keras'}",
        f"pictures        {run.path / 'examples.png'}, curves.png",
        f"learned from    {summary['num_images']} photos of "
        f"{len(data.training.class_names)} classes",
    ]
    if data.validation is None:
        lines.append("weights         of the last epoch; no labels were left to choose")
    else:
        figures = ", ".join(
            f"{label} {summary[f'val_{name}']:.3f}"
            for name, label in (
                ("top1", "top-1"),
                ("mean_iou", "mean IoU"),
                ("loc_acc_50", "LocAcc@0.5"),
                ("loc_acc_70", "LocAcc@0.7"),
            )
        )
        lines += [
            f"chosen by       {len(data.validation)} other photos: epoch "
            f"{summary['epoch']} of {config.epochs}",
            f"on these        {figures} (chosen by them: not to be reported)",
        ]
    if (run.path / HELD_OUT_LIST).exists():
        where = ""  # `evaluate` takes the photos that were held out
    else:
        where = "".join(f" --data {name}" for name in config.data) + " --split SPLIT"
    lines.append(f"next            python -m ssl_voc.evaluate {run.path}{where}")
    return "\n".join(lines)
