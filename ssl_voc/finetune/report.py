"""Lists, pictures and summary of a fine-tuning."""

import keras
from keras import ops

import pipelines
from ssl_voc.data_page.data_set import DataSet
from ssl_voc.data_page.report import report_data_sets, tell_of_empty_photos
from ssl_voc.finetune.data import flags_to_measure
from ssl_voc.finetune.teacher_labels import OF_TEACHER
from ssl_voc.runs.finished_run import HELD_OUT_LIST
from ssl_voc.training.initial_backbone import starts_trained
from ssl_voc.visualization.box_outlines import BoxOutline, BoxStyle
from ssl_voc.visualization.contact_sheet import draw_contact_sheet, image_tile
from ssl_voc.visualization.style import COLORS

NUM_SHOWN = 12
# Flags of `evaluate` where no photos of the run's own data are left.
_OTHER_PHOTOS = " --data OTHER_PHOTOS"
OBJECT = BoxStyle("object", COLORS[0])


def record_data(run, config, task, data):
    """Notes in the run folder what was skipped and what the model will know.

    Args:
        run: The `RunFolder`.
        config: A `FinetuneConfig`, resolved.
        task: The `Task` that is learned.
        data: Its `FinetuningData`.
    """
    pools = [pool for pool in (data.training, data.validation) if pool is not None]
    others = [] if data.unlabeled is None else [data.unlabeled]
    skipped = [item for pool in (*pools, *others) for item in pool.skipped]
    run.write_text("skipped.txt", pipelines.problem_table(skipped))
    sets = {"training": data.training, "validation": data.validation}
    page = report_data_sets(
        [DataSet(name, pool.photos, pool) for name, pool in sets.items() if pool],
        # Of the main objects alone the sides of all boxes would tell wrongly.
        None if task.main_object_only else config.image_size,
    )
    run.write_text("data_report.html", page.html)
    if not task.main_object_only:
        told = tell_of_empty_photos({"training": data.report.training})
        if told:
            print(told, flush=True)
    print(f"the data with pictures: {run.path / 'data_report.html'}", flush=True)
    run.update_manifest(
        task=config.task,
        class_names=list(data.training.class_names),
        image_size=config.image_size,
        num_training=len(data.training),
        num_validation=0 if data.validation is None else len(data.validation),
        num_unlabeled=sum(map(len, others)),
        num_left_out=sum(len(pool.left_out) for pool in pools),
        num_leaked=data.report.num_leaked,
    )


def tell_of_frozen_start(run, config):
    """Says where frozen parts of the backbone have nothing that is worth keeping.

    Args:
        run: The `RunFolder` of the training, once its backbone is built.
        config: A `FinetuneConfig`, resolved.
    """
    frozen = {
        "--schedule frozen keeps random weights": config.schedule,
        "--batch-norm frozen keeps statistics of no photos": config.batch_norm,
    }
    told = [words for words, value in frozen.items() if value == "frozen"]
    if told and not starts_trained(config, run):
        print(f"start: {' and '.join(told)}; name --weights to keep", flush=True)


def tell_of_balance(pool, threshold, steps):
    """Says how much more often photos of rare classes are shown.

    Args:
        pool: `pipelines.Pool` that is learned from.
        threshold: Value of `--balance`.
        steps: Number of steps of an epoch.
    """
    factors = pipelines.repeat_factors_of_classes(
        pool.targets, len(pool.class_names), threshold
    )
    rare = [
        f"{name} {factor:.2f}"
        for name, factor in zip(pool.class_names, factors, strict=True)
        if factor > 1.0
    ]
    what = f"photos are repeated by their rarest class: {', '.join(rare)}"
    if not rare:
        what = f"no class is in fewer than {threshold:.0%} of the photos"
    print(f"balance: {what}; an epoch keeps its {steps} steps (--balance)", flush=True)


def tell_of_patience(patience, epochs, steps):
    """Says how long a run waits for a better score.

    Args:
        patience: Value of `--patience`.
        epochs: Number of epochs of the run, or None where it is not known yet.
        steps: Number of steps of an epoch.
    """
    whole = "" if epochs is None else f" of {epochs * steps:,}"
    print(
        f"patience: {patience} epochs are {patience * steps:,}{whole} steps, counted "
        "from the end of the warm-up (--patience)",
        flush=True,
    )


def save_examples(run, pool, task, model):
    """Leaves a picture of what the model will be shown, boxes and all."""
    batch = pool.gather(pipelines.choose_varied(pool.photos, NUM_SHOWN))
    inputs = task.model_inputs(batch)
    images, objects = model.read_inputs(inputs, training=True)
    drawn = {"images": images, "bounding_boxes": objects}
    # NumPy cannot read what lies on a GPU, as under torch.
    drawn = keras.tree.map_structure(ops.convert_to_numpy, drawn)
    tiles = []
    for index, photo_index in enumerate(batch["image_index"]):
        labels = batch["bounding_boxes"]["classes"][index]
        labels = labels[labels >= 0].astype(int)
        shown = {pool.class_names[label] for label in labels}
        shown = shown.pop() if len(shown) == 1 else f"{len(labels)} boxes"
        caption = f"{shown}\n{pool.photos[int(photo_index)].image_id}"
        for part, text in ((batch, caption), (drawn, "as augmented")):
            objects = part["bounding_boxes"]
            boxes = objects["boxes"][index][objects["classes"][index] >= 0]
            outlines = [BoxOutline(box, OBJECT) for box in boxes]
            tiles.append(image_tile(part["images"][index], text, outlines))
    draw_contact_sheet(run.path / "examples.png", [("", tiles)], 6, tiles_per_group=2)
    print(f"training photos look like {run.path / 'examples.png'}", flush=True)


def summarize(run, task, data, epoch):
    """What `summary.json` shall hold: figures of the epoch whose weights are kept.

    Args:
        run: The `RunFolder` of a run whose epochs are done.
        task: The `Task` that was learned.
        data: Its `FinetuningData`.
        epoch: Number of that epoch, from 1.

    Returns:
        Dictionary of its loss and measures on training and validation photos, of the
        last epoch's pace, of the teacher's labels as the epochs up to it logged them,
        and of numbers of photos.
    """
    rows = {row["epoch"]: row for row in run.read_epochs()}
    row = rows[epoch]
    summary = {"epoch": epoch, "loss": row.get("loss")}
    for name in task.measures:
        for key, logged in ((f"training_{name}", name), (f"val_{name}", f"val_{name}")):
            if logged in row:
                summary[key] = row[logged]
    last = rows[max(rows)]
    for name in ("images_per_second", "data_wait_share"):
        if name in last:
            summary[name] = last[name]
    if data.unlabeled is not None:
        summary["num_unlabeled"] = len(data.unlabeled)
        for number in range(1, epoch + 1):
            row = rows[number]
            summary.update({name: row[name] for name in OF_TEACHER if name in row})
    summary["num_images"] = len(data.training)
    summary["num_validation"] = 0 if data.validation is None else len(data.validation)
    summary["class_names"] = list(data.training.class_names)
    return summary


def format_summary(run, config, task, data, summary):
    """What a person wants to know at the end, as text."""
    lines = [
        "",
        f"model           {run.path / 'model.keras'}",
        f"pictures        {run.path / 'examples.png'}, predictions.png, curves.png",
        f"learned from    {summary['num_images']} photos of "
        f"{len(data.training.class_names)} classes",
    ]
    if data.unlabeled is not None:
        lines.append(
            f"without boxes   {summary['num_unlabeled']} photos; the labels of the "
            f"teacher: {run.path / 'pseudo_labels.png'}"
        )
        lines.append(f"sure labels     {_sure_labels(run, summary)}")
    if data.validation is None:
        lines.append("weights         of the last epoch; no labels were kept to choose")
    else:
        figures = ", ".join(
            f"{label} {_figure(summary[f'val_{name}'])}"
            for name, label in task.measures.items()
            if f"val_{name}" in summary
        )
        lines += [
            f"chosen by       {len(data.validation)} other photos: epoch "
            f"{summary['epoch']} of {config.epochs}",
            f"on these        {figures} (chosen by them: not to be reported)",
        ]
    where = _photos_to_measure(run, config)
    if where == _OTHER_PHOTOS:
        lines.append("held out        none of its data: measure on other photos")
    lines.append(f"next            python -m ssl_voc.evaluate {run.path}{where}")
    return "\n".join(lines)


def _photos_to_measure(run, config):
    """Flags of `evaluate` that name photos which the run has not seen."""
    if (run.path / HELD_OUT_LIST).exists():
        return ""  # `evaluate` takes the photos that were held out
    flags = flags_to_measure(config)
    return _OTHER_PHOTOS if flags is None else f" {flags}"


def _sure_labels(run, summary):
    """What the teacher's labels were like, or that none was learned, in words."""
    rows, epoch = run.read_epochs(), summary["epoch"]
    if not any(row.get("pool_used") for row in rows):
        return "there were none to learn: the pool taught no object"
    if not any(row.get("pool_used") for row in rows[:epoch]):
        return f"the weights are of epoch {epoch}, before the pool taught any object"
    told = [name for name in OF_TEACHER if name in summary]
    return ", ".join(f"{name} {_figure(summary[name])}" for name in told)


def _figure(value):
    # `None` is how a figure that was no number is logged.
    return "unknown" if value is None else f"{value:.3f}"
