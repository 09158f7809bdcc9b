"""Making the plan of a study: photos are counted, the machine is timed."""

import dataclasses
import json
import math
from pathlib import Path

import pipelines
from ssl_voc.cli.errors import BadInput, as_bad_input
from ssl_voc.cli.flags import parse
from ssl_voc.finetune.config import LEAST_EPOCHS, FinetuneConfig
from ssl_voc.pretrain import config as pretraining
from ssl_voc.pretrain.config import PretrainConfig
from ssl_voc.runs.json_files import read_jsonl
from ssl_voc.study.arms import NAMED_STARTS, default_arms, parse_arms, parse_flags
from ssl_voc.study.budget import Pace, fit_to_budget
from ssl_voc.study.cells import words_of
from ssl_voc.study.plan import Grid, Plan
from ssl_voc.tasks import TASKS
from ssl_voc.training.config import parse_duration

# Fewer labels than this teach nothing that another draw of them would teach, too.
FEWEST_LABELS = 8
TRIAL_EPOCHS = 3
_RATE_FACTORS = (1.0, 1 / 3, 3.0)
_REPORTED_SPLITS = ("test", "val", "valid", "validation")
_ON_PATHS = ("scenes", "tfds:")


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a short fine-tuning told.

    Attributes:
        pace: `Pace` of this machine.
        imagenet: Whether ImageNet weights can be had.
        seconds: Time that it took.
    """

    pace: Pace
    imagenet: bool
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
    evaluation = _reported_photos(config)
    with as_bad_input():
        labelled, reported = pipelines.read_training(
            [*config.data], config.train_split, config.seed
        )
        if evaluation:
            reported = pipelines.read([*config.data], dict(evaluation)["--split"])
    _refuse_seen("--split", labelled, reported)
    for source in config.unlabeled:
        _refuse_missing_path("--unlabeled", source)
    arms = _arms(config, imagenet=True)
    _refuse_missing(arms)
    for arm in arms:
        for link in arm.pretrainings:
            if link.objective == "supervised":
                _refuse_seen(f"--arm {arm.name}", _read_pool(link), reported)
    shares, counts, left_out = _shares(config, labelled)
    task = TASKS[config.task]
    common = [("--task", config.task), ("--data", config.data)]
    named = {
        "--train-split": config.train_split,
        "--backbone": config.backbone,
        "--image-size": config.image_size,
        "--batch-size": config.batch_size,
        "--split-seed": config.seed,
    }
    common += [(flag, value) for flag, value in named.items() if value is not None]
    flags = parse_flags(config.finetune, "finetune")
    pretrain_flags = parse_flags(config.pretrain, "pretrain")
    epochs = config.epochs or LEAST_EPOCHS
    _refuse_unfit_flags(arms, common, flags, pretrain_flags, epochs)
    trial = run_trial(tuple(common), flags)
    arms = _arms(config, trial.imagenet)
    pools = {
        link.source: _count_pool(link) for arm in arms for link in arm.pretrainings
    }
    batch = config.batch_size or task.defaults["batch_size"]
    steps = max(1, counts[-1] // batch)
    rates = config.learning_rate or tuple(
        factor * task.defaults["learning_rate"] for factor in _RATE_FACTORS
    )
    tuned = tuple(
        share
        for share, count in zip(shares, counts, strict=True)
        if count >= pipelines.readers.splits.FEWEST_TO_VALIDATE and len(rates) > 1
    )
    grid = Grid(
        shares=shares,
        tuned=tuned,
        seeds=tuple(range(config.seed, config.seed + config.seeds)),
        rates=tuple(float(f"{rate:.3g}") for rate in rates),
        epochs=config.epochs or max(LEAST_EPOCHS, math.ceil(task.least_steps / steps)),
        passes=config.passes or max(map(_usual_passes, pools.values()), default=1),
        explain=config.explain,
    )
    plan = Plan(
        arms=arms,
        grid=grid,
        num_labels=counts,
        pool_sizes=pools,
        common=tuple(common),
        pretraining=(("--backbone", config.backbone), ("--seed", config.seed)),
        # Photos that few runs saw, in nearly this form, are left out of all.
        evaluation=(*evaluation, ("", "--allow-leakage")),
        finetune_flags=flags,
        pretrain_flags=pretrain_flags,
        task=config.task,
        left_out=left_out,
    )
    if config.budget is not None:
        seconds = parse_duration(config.budget, "--budget")
        plan = fit_to_budget(plan, trial.pace, seconds - trial.seconds)
    _refuse_unfit_flags(arms, common, flags, pretrain_flags, plan.grid.epochs)
    return plan, trial.pace


def read_trial(folder, seconds):
    """What the run folder of a trial tells.

    Args:
        folder: Path of a finished fine-tuning of `TRIAL_EPOCHS` epochs.
        seconds: Time that its command took.

    Returns:
        `Trial`.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    rows = read_jsonl(folder / "metrics.jsonl")[1:]  # the first epoch compiles
    photo = min(1.0 / row["images_per_second"] for row in rows)
    epochs = [row["seconds"] for row in rows]
    pause = max(0.5, min(epochs) - manifest["num_training"] * photo)
    start = max(1.0, seconds - sum(epochs))
    return Trial(
        Pace(start, photo, pause), manifest.get("weights") == "imagenet", seconds
    )


def _arms(config, imagenet):
    """The arms that were asked for, or those that most people want to know of."""
    if not config.arm:
        return default_arms(imagenet, config.unlabeled or config.data)
    arms = parse_arms(config.arm)
    if not imagenet and any(arm.start == "imagenet" for arm in arms):
        raise BadInput(
            "--arm: ImageNet weights cannot be had here (no network). Give the "
            "path of Keras' '..._notop.h5' file in place of imagenet."
        )
    return tuple(arms)


def _refuse_unfit_flags(arms, common, flags, pretrain_flags, epochs):
    """Finds what the commands would refuse, before hours of work."""
    own = ("--val-share", "0", "--epochs", str(epochs))
    for arm in arms:
        words = [*words_of(common), *flags, *arm.flags, *own]
        place = f"--arm {arm.name}" if arm.flags else "--finetune"
        _try_words(place, "finetune", words)
        for link in arm.pretrainings:
            words = ["--objective", link.objective, *pretrain_flags]
            _try_words("--pretrain", "pretrain", words)


def _try_words(place, command, words):
    config_class = FinetuneConfig if command == "finetune" else PretrainConfig
    try:
        parse(config_class, words, command, "")
    except BadInput as error:
        raise BadInput(f"{place}: {error}") from error


def _shares(config, labelled):
    """Shares of the labels, ascending, with their numbers of photos."""
    wanted, left_out = {}, []
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
            wanted[share] = count
    if not wanted:
        raise BadInput(
            f"--labels: fewer than {FEWEST_LABELS} photos each. Ask for more."
        )
    shares = tuple(sorted(wanted))
    return shares, tuple(wanted[share] for share in shares), tuple(left_out)


def _reported_photos(config):
    """Flags of `evaluate` that name the photos whose figures are reported."""
    splits = []
    for source in config.data:
        _refuse_missing_path("--data", source)
        with as_bad_input():
            splits.append(set(pipelines.splits(source)) - {"all"})
    common = set.intersection(*splits)
    if config.split is not None:
        return (("--split", config.split),)
    if not any(splits):
        if all(pipelines.splits(source) for source in config.data):
            return ()  # held out by finetune
        raise BadInput(
            "--data: no split is left to report. Expected lists such as train and val, "
            "or a VOC tree without lists."
        )
    learned = config.train_split or "train"
    named = [name for name in _REPORTED_SPLITS if name in common and name != learned]
    if not named:
        raise BadInput(
            f"--split: name the photos to report, one of: {', '.join(sorted(common))}."
        )
    return (("--split", named[0]),)


def _refuse_seen(place, seen, reported):
    """Refuses what all runs would find out, after hours: photos seen with labels."""
    paths = {_identity(photo) for photo in seen}
    number = sum(_identity(photo) in paths for photo in reported)
    if number:
        raise BadInput(
            f"{place}: {number} of the {len(reported)} photos to report are learned "
            "from with their labels. Name others by --split or --train-split."
        )


def _identity(photo):
    return photo.image_id, Path(photo.path_name).resolve()


def _read_pool(link):
    with as_bad_input():
        return pipelines.read([*link.source])


def _count_pool(link):
    photos = _read_pool(link)
    if link.objective == "supervised":
        return max(1, sum(photo.label is not None for photo in photos))
    return len(photos)


def _usual_passes(num_photos):
    """Photos that a pretraining sees by default, repeats counted."""
    steps = pretraining.LEAST_STEPS * pretraining.choose_batch_size(num_photos)
    return max(pretraining.LEAST_EPOCHS * num_photos, steps)


def _refuse_missing(arms):
    for arm in arms:
        for link in arm.links:
            for name in link.source:
                if link.objective or name not in NAMED_STARTS:
                    _refuse_missing_path("--arm", name)


def _refuse_missing_path(flag, name):
    path = Path(name).expanduser()
    if not name.startswith(_ON_PATHS) and not path.exists():
        raise BadInput(f"{flag}: {path} does not exist.")
