"""Making the plan of a study: photos are counted, the machine is timed."""

import dataclasses
import os
from pathlib import Path

import pipelines
from pipelines.readers.training_splits import FEWEST_TO_VALIDATE
from ssl_voc.cli.durations import parse_duration
from ssl_voc.cli.errors import BadInput
from ssl_voc.cli.flags import parse
from ssl_voc.finetune.config import LEAST_EPOCHS, FinetuneConfig
from ssl_voc.pretrain import config as pretraining
from ssl_voc.pretrain.config import PretrainConfig
from ssl_voc.runs.json_files import read_json, read_jsonl
from ssl_voc.study.arms import parse_flags
from ssl_voc.study.budget import USUAL_VIEW, Pace, fit_to_budget
from ssl_voc.study.cells import words_of
from ssl_voc.study.photos import arms_of, read_photos
from ssl_voc.study.plan import Grid, Plan
from ssl_voc.tasks import TASKS
from ssl_voc.training.default_epochs import default_epochs
from ssl_voc.training.input_checks import AUTO, backbone_of, refuse_unusable_teacher

# Fewer labels than this teach nothing that another draw of them would teach, too.
FEWEST_LABELS = 8
# Their validation part, of 45 photos, tells rates apart; a few photos tell chance.
FEWEST_TO_TUNE = 300
TRIAL_EPOCHS = 3
# Of an epoch of the trial: minutes less where a step takes seconds.
_STEPS_TO_TRY = 16
_RATE_FACTORS = (1.0, 1 / 3, 3.0)


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a short fine-tuning told.

    Attributes:
        pace: `Pace` of this machine.
        imagenet: Whether ImageNet weights can be had.
        backbone: Name of the backbone that it took.
        seconds: Time that it took.
    """

    pace: Pace
    imagenet: bool
    backbone: str
    seconds: float


def make_plan(config, run_trial):
    """Plans a study.

    Args:
        config: A `StudyConfig`.
        run_trial: Function from settings of `finetune` and further words to a `Trial`.

    Returns:
        `(plan, pace)`.

    Raises:
        BadInput: when data, arms or weights cannot be worked with.
    """
    photos = read_photos(config)
    labelled, arms = photos.labelled, arms_of(config)
    shares, counts, left_out = _shares(config, labelled)
    common = _common_settings(config)
    flags = parse_flags(config.finetune, "finetune")
    pretrain_flags = parse_flags(config.pretrain, "pretrain")
    epochs = config.epochs or LEAST_EPOCHS
    _refuse_unfit_flags(arms, common, flags, pretrain_flags, epochs)
    start = "--weights", _weights_to_try(config, arms)
    trial = run_trial(common, (*flags, *start, *_share_to_try(config, labelled)))
    _refuse_other_backbones(arms, start[1], trial.backbone)
    if config.backbone is None:
        print(f"backbone of all arms: {trial.backbone} (--backbone)", flush=True)
        config = dataclasses.replace(config, backbone=trial.backbone)
        common = _common_settings(config)
    arms = arms_of(config, trial.imagenet)
    links = [link for arm in arms for link in arm.pretrainings]
    pools = {link.key: photos.count(link) for link in links}
    _refuse_few_samples(config, pools)
    plan = Plan(
        arms=arms,
        grid=_grid(config, len(labelled), shares, counts, pools),
        num_labels=counts,
        num_pretraining_photos=pools,
        digests=photos.digests(),
        common=common,
        pretraining=(("--backbone", config.backbone), ("--seed", config.seed)),
        # Photos that few runs saw, in nearly this form, are left out of all.
        evaluation=(*photos.evaluation, ("", "--allow-leakage")),
        finetune_flags=flags,
        pretrain_flags=pretrain_flags,
        task=config.task,
        left_out=left_out,
    )
    if config.budget is not None:
        seconds = parse_duration(config.budget, "--budget")
        seconds -= trial.seconds
        is_asked_for = config.samples_seen is not None
        plan = fit_to_budget(plan, trial.pace, seconds, keeps_samples=is_asked_for)
    _refuse_unfit_flags(arms, common, flags, pretrain_flags, plan.grid.epochs)
    return plan, trial.pace


def _weights_to_try(config, arms):
    """Weights that a trial begins with: a default backbone goes with them."""
    starts = [arm.start for arm in arms if arm.start != "none"]
    if not config.arm or "imagenet" in starts:
        return AUTO  # tells whether ImageNet weights can be had
    return starts[0] if starts else "none"


def _share_to_try(config, labelled):
    """Flags by which a trial of many labels takes some of them."""
    share = _STEPS_TO_TRY * _batch_size(config) / max(1, len(labelled))
    return ("--label-fraction", f"{share:.4g}") if share < 1 else ()


def _batch_size(config):
    return config.batch_size or TASKS[config.task].defaults["batch_size"]


def _common_settings(config):
    """Pairs of flag and value of every fine-tuning, see `Plan`."""
    named = {
        "--task": config.task,
        "--data": config.data,
        "--train-split": config.train_split,
        "--backbone": config.backbone,
        "--image-size": config.image_size,
        "--batch-size": config.batch_size,
        "--split-seed": config.seed,
    }
    return tuple((flag, value) for flag, value in named.items() if value is not None)


def _grid(config, num_photos, shares, counts, pools):
    """The `Grid`, before a budget makes it smaller.

    Args:
        config: A `StudyConfig`.
        num_photos: Number of all labelled photos.
        shares: Shares of the labels, ascending.
        counts: Number of labelled photos at each.
        pools: Number of photos of each pretraining, by the key of its link.
    """
    task = TASKS[config.task]
    batch_size = _batch_size(config)
    steps = max(1, num_photos // batch_size)
    rates = config.learning_rate or tuple(
        factor * task.defaults["learning_rate"] for factor in _RATE_FACTORS
    )
    return Grid(
        shares=shares,
        tuned=_tuned(shares, counts) if len(rates) > 1 else (),
        seeds=tuple(range(config.seed, config.seed + config.seeds)),
        rates=tuple(float(f"{rate:.3g}") for rate in rates),
        epochs=config.epochs or default_epochs(LEAST_EPOCHS, task.least_steps, steps),
        samples_seen=config.samples_seen
        or max(map(_usual_samples, pools.values()), default=1),
        explain=config.explain,
        least_steps=0 if config.epochs else task.least_steps,
        batch_size=batch_size,
    )


def _tuned(shares, counts):
    """The shares at which a learning rate is chosen: of enough photos, or the most."""
    pairs = zip(shares, counts, strict=True)
    tuned = tuple(share for share, count in pairs if count >= FEWEST_TO_TUNE)
    return tuned or shares[-1:] * (counts[-1] >= FEWEST_TO_VALIDATE)


def read_trial(folder, seconds):
    """What the run folder of a trial tells.

    Args:
        folder: Path of a finished fine-tuning of `TRIAL_EPOCHS` epochs.
        seconds: Time that its command took.

    Returns:
        `Trial`.
    """
    manifest = read_json(folder / "manifest.json")
    rows = read_jsonl(folder / "metrics.jsonl")[1:]  # the first epoch compiles
    photo = min(1.0 / row["images_per_second"] for row in rows)
    epochs = [row["seconds"] for row in rows]
    pause = max(0.5, min(epochs) - manifest["num_training"] * photo)
    # Of the first epoch what is more than another one.
    start = max(1.0, seconds - sum(epochs) - min(epochs))
    pace = Pace(start, photo, pause, manifest.get("image_size", USUAL_VIEW))
    backbone = manifest.get("backbone") or backbone_of(str(folder))
    return Trial(pace, manifest.get("weights") == "imagenet", backbone, seconds)


def _refuse_unfit_flags(arms, common, flags, pretrain_flags, epochs):
    """Finds what the commands would refuse, before hours of work."""
    own = ("--val-share", "0", "--epochs", str(epochs))
    for arm in arms:
        words = [*words_of(common), *flags, *arm.flags, *own]
        place = f"--arm {arm.name}" if arm.flags else "--finetune"
        _try_words(place, "finetune", words)
        for link in arm.pretrainings:
            words = ["--objective", link.objective, *pretrain_flags, *link.flags]
            place = f"--arm {arm.name}" if link.flags else "--pretrain"
            teacher = getattr(_try_words(place, "pretrain", words), "teacher", None)
            if teacher is not None:
                refuse_unusable_teacher(teacher)


def _refuse_other_backbones(arms, tried, backbone):
    """Refuses runs of another backbone than that of the trial, before hours of work.

    Args:
        arms: List of `Arm`s.
        tried: Weights that the trial began with.
        backbone: Name of its backbone.
    """
    for arm in arms:
        folder = Path(os.path.expanduser(arm.start))
        if arm.starts_from_path and arm.start != tried and folder.is_dir():
            own = backbone_of(arm.start)
            # Of files the architecture counts, not the name.
            if own != backbone and ".keras" not in own + backbone:
                raise BadInput(
                    f"--arm: {arm.start} is of the backbone {own}, and the others "
                    f"stand on {backbone}. Leave one of them out."
                )


def _try_words(place, command, words):
    config_class = FinetuneConfig if command == "finetune" else PretrainConfig
    try:
        return parse(config_class, words, command, "")
    except BadInput as error:
        raise BadInput(f"{place}: {error}") from error


def _shares(config, labelled):
    """Shares of the labels, ascending, with their numbers of photos."""
    found, left_out = {}, []
    for text in config.labels:
        number = float(text.rstrip("%"))
        share = number / 100 if text.endswith("%") else number / len(labelled)
        if share > 1:
            raise BadInput(
                f"--labels: {text} are more than the {len(labelled)} labelled photos."
            )
        count = len(pipelines.label_subset(labelled, share, seed=config.seed))
        if count < min(FEWEST_LABELS, len(labelled)):
            left_out.append(f"{text} of the labels: only {count} photos")
        else:
            found.setdefault(count, {})[share] = text
    if not found:
        raise BadInput(
            f"--labels: fewer than {FEWEST_LABELS} photos each. Ask for more."
        )
    for count, texts in found.items():
        # Every class has a photo, so that small shares may be the same photos.
        *same, kept = sorted(texts)
        left_out += [
            f"{texts[share]} of the labels: the {count} photos of {texts[kept]}"
            for share in same
        ]
    counts = sorted(found)
    shares = tuple(max(found[count]) for count in counts)
    return shares, tuple(counts), tuple(left_out)


def _refuse_few_samples(config, pools):
    """Refuses `--samples-seen` that are not one epoch of each pretraining."""
    for key, number in pools.items():
        if config.samples_seen is not None and config.samples_seen < number:
            raise BadInput(
                f"--samples-seen: a pretraining would see {config.samples_seen} of "
                f"the {number} photos of {' '.join(key[1:])}. Expected their number "
                "times the epochs."
            )


def _usual_samples(num_photos):
    """Photos that a pretraining sees by default, repeats counted."""
    steps = pretraining.LEAST_STEPS * pretraining.choose_batch_size(num_photos)
    return max(pretraining.LEAST_EPOCHS * num_photos, steps)
