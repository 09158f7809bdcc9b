"""Settings of `python -m ssl_voc.evaluate`."""

import dataclasses
import re
from pathlib import Path
from typing import Literal

from ssl_voc.cli.options import option

# The photos that a run held out itself, as a split.
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
        None,
        "Split to evaluate; by default the photos that RUN held out, which are called "
        "held-out where they lie elsewhere by now.",
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
        data = finished.data if self._is_data_of(finished) else self.data
        config = dataclasses.replace(self, data=data)
        if config.out is not None:
            return config
        name = config.asked_split(finished) or Path(config.data[0]).stem
        # `test[:50%]` is a split of TensorFlow Datasets.
        name = re.sub(r"[^\w.-]+", "_", name) + "-tta" * self.tta
        return dataclasses.replace(config, out=self.run / f"{self.result}-{name}")

    def asked_split(self, finished):
        """The split, which is `HELD_OUT` also where no flag says so."""
        return HELD_OUT if self.evaluates_held_out(finished) else self.split

    def evaluates_held_out(self, finished):
        """Whether the photos are those that the run held out itself."""
        if not finished.has_held_out:
            return False
        is_default = self.split is None and self._is_data_of(finished)
        return is_default or self.split == HELD_OUT

    def _is_data_of(self, finished):
        """Whether the data is what the run learned from, however it is spelled."""
        # Here, since `--help` has no use for readers.
        from pipelines.readers.sources import place_of

        if not self.data:
            return True
        return sorted(map(place_of, self.data)) == sorted(map(place_of, finished.data))


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateConfig(PhotosOfRunConfig):
    """Settings of an evaluation; see `--help` for each."""

    tta: bool = option(
        False,
        "Ask for four views of each photo, of two sizes and mirrored; two where "
        "training mirrored none.",
    )

    result = "evaluation"
