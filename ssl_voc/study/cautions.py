"""Cautions beside the verdict of a study: what would make it mean something else."""

from pipelines.readers.training_splits import VALIDATION_SHARE
from ssl_voc.finetune.config import FEWEST_TO_CHOOSE, LEAST_EPOCHS
from ssl_voc.pretrain.config import HARDLY_LEARNED
from ssl_voc.runs.json_files import read_json_dict
from ssl_voc.tasks import TASKS


def hardly_learned(cells, folder):
    """Pretrainings whose loss stayed near chance: theirs is no trial of pretraining."""
    for cell in cells:
        if cell.kind == "pretrain":
            summary = read_json_dict(cell.run_folder(folder) / "summary.json")
            share = summary.get("loss_over_chance") or 0.0
            if share > HARDLY_LEARNED:
                yield (
                    f"{cell.full_title}: hardly learned in {cell.epochs} epochs, its "
                    f"loss is {share:.2f} of chance. More --samples-seen, or more "
                    "--budget, may turn the answer round."
                )


def not_shown_to_look(blind):
    """Runs that find no more than answers without the photo: no gain of theirs is one.

    Args:
        blind: What `measure_blind` gave.
    """
    named = [
        f"{row['arm']} with {row['num_labels']} labels (in "
        f"{row['num_runs'] - row['num_clear']} of {row['num_runs']} runs)"
        for row in blind
        if row["num_clear"] < row["num_runs"]
    ]
    if named:
        yield (
            f"Not shown to look at the photo: {', '.join(named)}. What one of these is "
            "ahead, or behind, may be how well it knows where objects usually lie."
        )


def seen_before(exposure):
    """Pretrainings that saw photos which the figures are of, without their labels."""
    for row in exposure:
        if row["num_reported"] and not row["labelled"]:
            yield (
                f"{row['photos']}: {row['num_reported']} of the {row['of_reported']} "
                "reported photos were among its photos, without labels. Arms that did "
                "not learn from them have seen less."
            )


def not_told(arms):
    """Pretrainings whose own share in a gain no comparison tells."""
    for arm in arms:
        if arm.pretrainings and not any(map(arm.goes_on_from, arms)):
            yield (
                f"What the last pretraining of {arm.name} added is not told: no arm is "
                "the same without it. Add one by --arm."
            )


def few_steps(plan):
    """Numbers of labels that are not learned as long as `finetune` does by default."""
    few = []
    for count, steps in zip(plan.num_labels, plan.steps, strict=True):
        kept = VALIDATION_SHARE if count >= FEWEST_TO_CHOOSE else 0.0
        steps_per_epoch = max(1, round((1 - kept) * count) // plan.grid.batch_size)
        usual = max(TASKS[plan.task].least_steps, LEAST_EPOCHS * steps_per_epoch)
        if steps < usual:
            few.append(f"{steps} with {count} labels (finetune: {usual})")
    if few:
        yield (
            f"Few steps: {', '.join(few)}. A start that merely learns faster may be "
            "ahead. More --epochs, or more --budget, may turn the answer round."
        )


def labels_of_pretrainings(plan):
    """Pretrainings that learned labels: more than the numbers of labels tell."""
    links = dict.fromkeys(link for arm in plan.arms for link in arm.pretrainings)
    for link in links:
        if link.uses_labels:
            number = plan.num_pretraining_photos[link.key]
            yield (
                f"The {link.objective} pretraining on {', '.join(link.source)} learned "
                f"the labels of {number} photos, however few labels its fine-tunings "
                "have."
            )


def labels_of_starts(exposure):
    """Weights and teachers that learned labels before the study, alike."""
    for row in exposure:
        if row["labelled"] and row.get("before_the_study"):
            yield (
                f"{row['photos']} learned the labels of {row['num_photos']} photos, "
                "however few labels its fine-tunings have."
            )


def not_random(plan):
    """Arms without weights of their own, where the backbone's file brings some."""
    backbone = dict(plan.common).get("--backbone", "")
    names = [arm.name for arm in plan.arms if arm.start == "none"]
    if names and backbone.endswith(".keras"):
        yield (
            f"Not from random weights: {', '.join(names)}. --backbone names the file "
            f"{backbone}, whose weights these begin with."
        )


def different_versions(cells, folder):
    """Runs of other code, packages or backends: a difference may be one of these."""
    found = {}
    for cell in cells:
        if cell.kind != "explain":
            manifest = read_json_dict(cell.run_folder(folder) / "manifest.json")
            names = {"commit": "git_commit", "backend": "backend"}
            values = {name: manifest.get(key) for name, key in names.items()}
            for name, value in {**values, **manifest.get("packages", {})}.items():
                found.setdefault(name, {})[str(value)] = None
    mixed = [f"{name} {', '.join(v)}" for name, v in found.items() if len(v) > 1]
    if mixed:
        yield (
            f"Runs are of different versions: {'; '.join(mixed)}. What arms differ by "
            "may be that. A study in another --out has all of one."
        )
