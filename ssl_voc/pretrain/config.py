"""Settings of `python -m ssl_voc.pretrain`."""

import dataclasses
from typing import Literal

from ssl_voc.cli.options import extended_by, option
from ssl_voc.pretrain.objectives.registry import OBJECTIVES
from ssl_voc.training.config import TrainingConfig

# Learning rates per 256 images from random weights and weight decays, by optimizer.
LEARNING_RATES = {"sgd": 1.0, "lars": 3.0, "adamw": 1e-3}
# From trained weights they are divided by this, lest the first steps undo those.
_TRAINED_DIVISOR = 10
# Of the default schedule, however many photos there are.
LEAST_EPOCHS, LEAST_STEPS = 36, 2_000
_STEPS_PER_EPOCH = 16
LARGEST_BATCH = 128
_BATCH_SIZES = (16, LARGEST_BATCH)
# Share of chance above which a loss has hardly been learned.
HARDLY_LEARNED = 0.9
WEIGHT_DECAYS = {"sgd": 0.0, "lars": 1e-6, "adamw": 0.05}


@extended_by("objective", {name: each.settings for name, each in OBJECTIVES.items()})
@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainConfig(TrainingConfig):
    """Settings of a pretraining run; see `--help` for each.

    Attributes:
        learning_rates: Rates by optimizer, where those of the objective differ from
            `LEARNING_RATES`.
    """

    learning_rates = {}

    objective: str = option(
        "simclr",
        "supervised learns from labels, distill from a --teacher, the others from "
        "photos alone.",
    )
    batch_size: int | None = option(
        None, "Photos in a step; by default 16 to 128, by their number.", minimum=2
    )
    epochs: int | None = option(
        None, "Passes over the photos; by default 36, and 2000 steps.", minimum=1
    )
    resize_size: int | None = option(
        None,
        "Side photos are resized to before views are cut out; by default 7/6 of "
        "--image-size.",
        minimum=32,
    )
    image_size_start: int | None = option(
        None, "Side of a view in the first 70 % of the steps.", minimum=32
    )
    optimizer: Literal["sgd", "lars", "adamw"] = option("sgd", "Optimizer.")
    learning_rate: float | None = option(
        None,
        "Peak per 256 photos; by default by objective, optimizer and start.",
        above=0,
    )
    weight_decay: float | None = option(
        None,
        "Weight decay, by default the optimizer's own; under sgd decoupled: ten times "
        "torch's number is as strong.",
        minimum=0,
    )
    blur_rate: float = option(0.0, "Share of blurred views.", minimum=0, maximum=1)
    solarize_rate: float = option(0.0, "Share of solarized.", minimum=0, maximum=1)

    def __post_init__(self):
        super().__post_init__()
        low, high = self.crop_area
        if not 0 < low <= high <= 1:
            raise ValueError(
                "--crop-area: expected two ascending shares of at most 1, got "
                f"{low} {high}"
            )
        start = self.image_size_start
        if start is not None and start >= self.image_size:
            raise ValueError(
                f"--image-size-start: expected less than the {self.image_size} pixels "
                f"of --image-size, got {start}"
            )
        if self.resize_size is not None and self.resize_size < self.image_size:
            raise ValueError(
                f"--resize-size: expected at least the {self.image_size} pixels of "
                f"--image-size, which views are cut out of it, got {self.resize_size}"
            )

    def resolved(self):
        """The same settings with every default that depends on others filled in.

        The learning rate depends on the weights of the start, too, see
        `default_learning_rate`, and the batch on the photos.
        """
        filled = {}
        if self.resize_size is None:
            filled["resize_size"] = round(self.image_size * 7 / 6)
        if self.weight_decay is None:
            filled["weight_decay"] = WEIGHT_DECAYS[self.optimizer]
        return dataclasses.replace(self, **filled).with_folder("pretrain")

    def default_learning_rate(self, from_trained):
        """Peak of the learning rate per 256 photos where no flag says it.

        Args:
            from_trained: Whether the weights that the run begins with are trained.

        Reference:
            - [Reed et al., 2021](https://arxiv.org/abs/2103.12718), who go on from
              supervised weights by SGD with 0.03
        """
        rate = (LEARNING_RATES | self.learning_rates)[self.optimizer]
        return rate / _TRAINED_DIVISOR if from_trained else rate


def choose_batch_size(num_photos):
    """Batch size by the number of photos: a power of two, from 16 to 128.

    Few photos in large batches are few steps: an epoch shall have 16 of them.
    """
    low, high = _BATCH_SIZES
    fitting = max(1, num_photos // _STEPS_PER_EPOCH)
    return min(high, max(low, 1 << (fitting.bit_length() - 1)))
