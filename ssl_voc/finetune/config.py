"""Settings of `python -m ssl_voc.finetune`."""

import dataclasses
import math
from importlib.util import find_spec
from typing import Literal

from ssl_voc.cli.options import option
from ssl_voc.finetune.phases import default_unfreeze_epoch
from ssl_voc.tasks import TASKS
from ssl_voc.training.config import TrainingConfig
from ssl_voc.training.input_checks import AUTO

BURN_IN = 0.3
# Of the default schedule, however many photos there are.
LEAST_EPOCHS = 30
# Of fewer labels, the share that would choose chooses by chance: they teach more.
FEWEST_TO_CHOOSE = 300
LEAST_POOL_PASSES = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinetuneConfig(TrainingConfig):
    """Settings of a fine-tuning run; see `--help` for each."""

    # What is set first stands first.
    help_groups = {
        "options": (
            *("task", "data", "out", "weights", "time", "image_size"),
            *("epochs", "batch_size", "unlabeled", "backbone", "overwrite", "finish"),
        ),
        "options of photos and labels": (
            *("class_names", "train_split", "val_split", "val_share", "split_seed"),
            *("label_fraction", "labels_per_class", "balance", "burn_in"),
            "allow_leakage",
        ),
        "options of training": (
            *("patience", "learning_rate", "backbone_rate", "weight_decay", "warmup"),
            *("schedule", "unfreeze_epoch", "batch_norm", "ema", "drop_connect"),
            "overlap",
        ),
        "options of augmentation": (
            *("crop_area", "mosaic", "flip_rate", "color_strength", "grayscale_rate"),
        ),
        "options of the machine": (
            *("device", "precision", "jit_compile", "cache", "seed", "deterministic"),
        ),
    }

    task: Literal[tuple(TASKS)] = option(
        "localize", "Find the main object of each photo, or detect every object."
    )
    backbone: str | None = option(
        None,
        "Network under the head, such as ConvNeXtTiny, keras_cv:NAME or a .keras file; "
        "by default that of --weights, or EfficientNetB1; to detect from random "
        "weights KerasCV's CSPDarkNetTiny, where it is installed.",
    )
    train_split: str | None = option(
        None,
        "Split to learn from; by default train, else trainval, or a seeded 80 % "
        "without splits.",
    )
    split_seed: int | None = option(
        None,
        "Seed of which photos are held out where the data has no splits; by default "
        "--seed.",
        minimum=0,
        maximum=2**32 - 1,
    )
    val_split: str | None = option(
        None,
        "Split on which the best epoch is chosen, in place of --val-share.",
    )
    val_share: float | None = option(
        None,
        "Share of the labelled photos that is not learned from, but chooses the best "
        "epoch; by default 0.15 of 300 or more, or with --patience, else none.",
        minimum=0,
        below=1,
    )
    class_names: tuple[str, ...] = option(
        (), "Class to learn; by default all that occur."
    )
    label_fraction: float | None = option(
        None, "Share of the labelled photos to use.", above=0, maximum=1
    )
    labels_per_class: int | None = option(
        None, "Number of labelled photos to use of each class.", minimum=1
    )
    unlabeled: tuple[str, ...] = option(
        (), "Photos without boxes to learn from; an average of the model labels them."
    )
    burn_in: float = option(
        BURN_IN,
        "Share of the epochs that learn from labels alone, before --unlabeled joins.",
        minimum=0,
        below=1,
    )
    balance: float | None = option(
        None,
        "Share of the photos below which a class is rare, such as 0.3: its photos are "
        "shown more often.",
        above=0,
        maximum=1,
    )
    allow_leakage: bool = option(
        False, "Go on where photos of --val-split were seen in training."
    )
    image_size: int | None = option(
        None,
        "Side in pixels of the square that photos are scaled into, whole; by default "
        "128, to detect 160. Small objects want more.",
        minimum=32,
    )
    batch_size: int | None = option(
        None, "Photos in a step; by default 32, to detect 16.", minimum=2
    )
    epochs: int | None = option(
        None,
        "Passes over the labelled photos; by default 30, or as many as 1500 steps take "
        "to detect, or 5 passes over --unlabeled, where these are more.",
        minimum=1,
    )
    patience: int | None = option(
        None,
        "End after so many epochs in which no score was better, such as 100; those of "
        "the warm-up do not count.",
        minimum=1,
    )
    schedule: Literal["full", "staged", "frozen"] = option(
        "full",
        "Train the whole network, the head alone at first, or the head alone.",
    )
    unfreeze_epoch: int | None = option(
        None,
        "Epochs of the head alone, of --schedule staged; by default a sixth of all.",
        minimum=1,
    )
    learning_rate: float | None = option(
        None,
        "Largest learning rate, for 256 photos a step, at the default --batch-size; by "
        "default 0.008, to detect 0.032.",
        above=0,
    )
    backbone_rate: float = option(
        1.0,
        "Learning rate of the backbone, as a share of the head's, such as 0.1 for "
        "localizers with few labels.",
        above=0,
    )
    batch_norm: Literal["train", "frozen", "recalibrated"] = option(
        "train",
        "Statistics of batch normalization: as training moves them; kept as the "
        "backbone came, for few labels; or measured on training photos after each "
        "epoch, for small batches.",
    )
    ema: float | None = option(
        None,
        "Keep a moving average of the weights, of this decay, such as 0.99.",
        above=0,
        below=1,
    )
    weight_decay: float | None = option(
        None,
        "How strongly weights are drawn to 0 (decoupled weight decay); by default "
        "0.05, to detect 0.01.",
        minimum=0,
    )
    warmup: float = 0.1
    overlap: Literal["giou", "ciou"] = option(
        "giou", "localize: overlap of boxes that the loss goes by."
    )
    crop_area: tuple[float, float] | None = option(
        None,
        "Smallest and largest random crop, in areas of the photo, more than 1 of which "
        "shows a margin; by default 0.4 1.3, to detect 0.4 1.6.",
        above=0,
    )
    mosaic: float | None = option(
        None,
        "detect: share of pictures that are put together from four photos; by default "
        "0.5, and 1 in trainings of 500 epochs and 4000 steps or more without "
        "--unlabeled.",
        minimum=0,
        maximum=1,
    )
    color_strength: float = 0.4
    grayscale_rate: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        if self.time is not None and self.schedule == "staged":
            raise ValueError(
                "--time: --schedule staged has two speeds; give --epochs instead"
            )
        if self.label_fraction is not None and self.labels_per_class is not None:
            raise ValueError(
                "--label-fraction and --labels-per-class exclude each other"
            )
        if self.patience is not None and self.val_share == 0 and not self.val_split:
            raise ValueError(
                "--patience: with --val-share 0 there is no score to wait for; leave "
                "it out, or name a --val-split"
            )
        low, high = self.crop_area or (1.0, 1.0)
        if low > high:
            raise ValueError(
                f"--crop-area: expected two ascending areas, got {low} {high}"
            )
        self._refuse_settings_of_other_tasks()
        if self.schedule != "staged" and self.unfreeze_epoch is not None:
            raise ValueError(
                f"--unfreeze-epoch: a setting of --schedule staged; --schedule "
                f"{self.schedule} does not look at it, got {self.unfreeze_epoch}"
            )
        if self.burn_in != BURN_IN and not self.unlabeled:
            raise ValueError(
                "--burn-in: a setting of --unlabeled, which names no photos, got "
                f"{self.burn_in}"
            )
        if self.schedule == "frozen" and self.backbone_rate != 1.0:
            raise ValueError(
                "--backbone-rate: --schedule frozen trains the head alone and does not "
                f"look at it, got {self.backbone_rate}"
            )
        if self.batch_norm == "frozen" and self.drop_connect:
            raise ValueError(
                "--drop-connect: --batch-norm frozen runs the backbone as in "
                f"prediction, where nothing is dropped, got {self.drop_connect}"
            )
        if self.schedule != "staged" or self.epochs is None:
            return
        unfreeze_epoch = self.unfreeze_epoch or default_unfreeze_epoch(self.epochs)
        if unfreeze_epoch >= self.epochs:
            raise ValueError(
                f"--unfreeze-epoch: expected fewer than the {self.epochs} --epochs, "
                f"got {unfreeze_epoch}"
            )

    def _default_backbone(self):
        from_random = TASKS[self.task].backbone_from_random
        is_installed = all(map(find_spec, ("keras_cv", "tensorflow")))
        # It has no stochastic depth.
        if not from_random or not is_installed or self.drop_connect:
            return super()._default_backbone()
        choices = {AUTO: AUTO, None: from_random}
        return choices.get(self.weights) or super()._default_backbone()

    def _refuse_settings_of_other_tasks(self):
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        for task in TASKS.values():
            for name in task.settings if task.name != self.task else ():
                if getattr(self, name) != defaults[name]:
                    raise ValueError(
                        f"--{name.replace('_', '-')}: a setting of --task {task.name}; "
                        f"--task {self.task} does not look at it, got "
                        f"{getattr(self, name)}"
                    )

    @property
    def seed_of_split(self):
        """Seed of the photos that are held out where the data has no lists."""
        return self.seed if self.split_seed is None else self.split_seed

    @property
    def peak_learning_rate(self):
        """Largest learning rate of the run.

        At the default batch of the task it is `learning_rate` per 256 photos. From
        there it goes with the square root of the batch, as AdamW's noise wants it.

        Reference:
            - [Malladi et al., 2022](https://arxiv.org/abs/2205.10287)
        """
        default = TASKS[self.task].defaults["batch_size"]
        return self.learning_rate * math.sqrt(default * self.batch_size) / 256

    def resolved(self):
        """The same settings with every default that depends on others filled in."""
        defaults = TASKS[self.task].defaults
        missing = {name for name in defaults if getattr(self, name) is None}
        config = dataclasses.replace(self, **{name: defaults[name] for name in missing})
        return config.with_folder(f"finetune-{self.task}")
