"""Settings of `python -m ssl_voc.pretrain`."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Literal

from ssl_voc.cli.options import option

# What only one objective looks at: a value for another would be ignored in silence.
OWN_SETTINGS = {
    "simclr": (
        "temperature",
        "hidden_dimensions",
        "projection_dimensions",
        "projection_layers",
    ),
    "supervised": ("val_share", "dropout"),
}


# Where they differ from those in `training`. Cosines of projections bear large steps
# that the logits of a classifier do not: at 0.3 they stayed above chance.
LEARNING_RATES = {"simclr": {}, "supervised": {"sgd": 0.1}}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """Settings of a pretraining run; see `--help` for each."""

    data: tuple[str, ...] = option(("scenes",), "Photos to learn from.")
    train_split: str | None = option(None, "Split to read from each --data.")
    out: Path | None = option(None, "Run folder; by default one under runs/.")
    overwrite: bool = option(False, "Replace the run that --out holds.")
    objective: Literal["simclr", "supervised"] = option(
        "simclr", "Learn from views of photos (simclr) or from their labels."
    )
    backbone: str = option("EfficientNetB1", "EfficientNetB0 to B7, or a .keras file.")
    weights: str | None = option(None, "Start: imagenet, a run folder or a file.")
    image_size: int = option(96, "Side of a view in pixels.", minimum=32)
    pool_size: int | None = option(
        None, "Side photos are kept at; by default 7/6 of --image-size.", minimum=32
    )
    batch_size: int = option(128, "Images in a step, over all devices.", minimum=2)
    epochs: int = option(36, "Passes over the photos.", minimum=1)
    optimizer: Literal["sgd", "lars", "adamw"] = option("sgd", "Optimizer.")
    learning_rate: float | None = option(
        None, "Peak per 256 images; by default by objective and optimizer.", above=0
    )
    weight_decay: float | None = option(
        None, "Weight decay; by default the optimizer's own.", minimum=0
    )
    warmup: float = option(0.05, "Share of steps to warm up.", minimum=0, below=1)
    temperature: float = option(0.15, "simclr: temperature of NT-Xent.", above=0)
    hidden_dimensions: int = option(
        512, "simclr: width of the head's hidden layer.", minimum=1
    )
    projection_dimensions: int = option(
        128, "simclr: width of the projections.", minimum=2
    )
    projection_layers: int = option(2, "simclr: dense layers of the head.", minimum=1)
    val_share: float = option(
        0.15, "supervised: share of the labels to hold out.", minimum=0, below=1
    )
    dropout: float = option(
        0.2, "supervised: share of features left out.", minimum=0, below=1
    )
    drop_connect: float = option(0.0, "Stochastic depth.", minimum=0, below=1)
    crop_area: tuple[float, float] = option(
        (0.2, 1.0), "Smallest and largest share of a photo in a view.", above=0
    )
    color_strength: float = option(0.5, "Strength of color jitter.", minimum=0)
    grayscale_rate: float = option(0.2, "Share of gray views.", minimum=0, maximum=1)
    blur_rate: float = option(0.0, "Share of blurred views.", minimum=0, maximum=1)
    solarize_rate: float = option(0.0, "Share of solarized.", minimum=0, maximum=1)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = option(
        "float32", "Arithmetic of the model."
    )
    jit_compile: Literal["auto", "on", "off"] = option(
        "auto", "XLA; auto compiles on accelerators only."
    )
    cache: Literal["auto", "memory", "disk", "none"] = option(
        "auto", "Where prepared photos are kept."
    )
    seed: int = option(
        0, "Seed of weights, views and order.", minimum=0, maximum=2**32 - 1
    )
    deterministic: bool = option(False, "Demand deterministic kernels.")

    def __post_init__(self):
        low, high = self.crop_area
        if not 0 < low <= high <= 1:
            raise ValueError(
                "--crop-area: expected two ascending shares of at most 1, got "
                f"{low} {high}"
            )
        if self.pool_size is not None and self.pool_size < self.image_size:
            raise ValueError(
                f"--pool-size: expected at least the {self.image_size} pixels of "
                f"--image-size, which views are cut out of it, got {self.pool_size}"
            )
        for objective, names in OWN_SETTINGS.items():
            if objective != self.objective:
                self._refuse_settings_of(objective, names)

    def resolved(self):
        """The same settings with every default that depends on others filled in.

        Without `out`, the run folder is named after the settings, so that the same
        command finds its run again.
        """
        from ssl_voc.optimizers import schedule

        rates = {**schedule.LEARNING_RATES, **LEARNING_RATES[self.objective]}
        decays = schedule.WEIGHT_DECAYS
        filled = {}
        if self.pool_size is None:
            filled["pool_size"] = round(self.image_size * 7 / 6)
        if self.learning_rate is None:
            filled["learning_rate"] = rates[self.optimizer]
        if self.weight_decay is None:
            filled["weight_decay"] = decays[self.optimizer]
        config = dataclasses.replace(self, **filled)
        if self.out is None:
            settings = dataclasses.asdict(config)
            for name in ("out", "overwrite", "epochs"):
                del settings[name]
            digest = hashlib.sha256(repr(sorted(settings.items())).encode())
            stem = f"{Path(self.backbone).stem.lower()}-{self.image_size}px"
            name = f"pretrain-{stem}-{digest.hexdigest()[:6]}"
            config = dataclasses.replace(config, out=Path("runs") / name)
        return config

    def _refuse_settings_of(self, objective, names):
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        for name in names:
            value = getattr(self, name)
            if value != defaults[name]:
                raise ValueError(
                    f"--{name.replace('_', '-')}: a setting of --objective "
                    f"{objective}; --objective {self.objective} does not look at it, "
                    f"got {value}"
                )
