"""Settings of `python -m ssl_voc.evaluate`."""

import dataclasses
import re
from pathlib import Path
from typing import Literal

from ssl_voc.cli.options import option
from ssl_voc.runs.finished_run import HELD_OUT_LIST

HELD_OUT = "held-out"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PhotosOfRunConfig:
    """Settings of what looks at a finished run's answers for photos.

    Attributes:
        result: What the folder in the run begins with.
        tta: Whether each photo is asked about in several views.
    """

    run: Path = option(help="Folder of a finished finetune run.", positional=True)
    data: tuple[str, ...] = option((), "Labelled photos; by default RUN's own data.")
    split: str | None = option(
        None, "Split to evaluate; by default the photos that RUN held out."
    )
    out: Path | None = option(None, "Folder to write; by default one in RUN.")
    overwrite: bool = option(False, "Replace the evaluation that --out holds.")
    allow_leakage: bool = option(
        False, "Go on where photos were seen in training; the figures say so."
    )
    batch_size: int = option(64, "Photos predicted at once.", minimum=1)
    cache: Literal["auto", "memory", "disk", "none"] = option(
        "auto", "Where prepared photos are kept."
    )
    seed: int = option(0, "Seed of the bootstrap.", minimum=0)

    result, tta = "", False

    def resolved(self, finished):
        """The same settings with data and folder filled in.

        Args:
            finished: `FinishedRun` of `run`.
        """
        config = dataclasses.replace(self, data=self.data or finished.data)
        if config.out is not None:
            return config
        name = config.split
        if name is None and config.evaluates_held_out(finished):
            name = HELD_OUT
        elif name is None:
            name = Path(config.data[0]).stem
        # `test[:50%]` is a split of TensorFlow Datasets.
        name = re.sub(r"[^\w.-]+", "_", name) + "-tta" * self.tta
        return dataclasses.replace(config, out=self.run / f"{self.result}-{name}")

    def evaluates_held_out(self, finished):
        """Whether the photos are those that the run held out itself."""
        listed = (finished.path / HELD_OUT_LIST).is_file()
        return self.split is None and listed and self.data in ((), finished.data)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateConfig(PhotosOfRunConfig):
    """Settings of an evaluation; see `--help` for each."""

    tta: bool = option(
        False,
        "Ask for four views of each photo, of two sizes and mirrored; two where "
        "training mirrored none.",
    )

    result = "evaluation"
