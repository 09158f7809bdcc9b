"""Settings of `python -m ssl_voc.explain`."""

import dataclasses
from pathlib import Path
from typing import Literal

from ssl_voc.cli.options import option
from ssl_voc.evaluate.config import PhotosOfRunConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExplainConfig(PhotosOfRunConfig):
    """Settings of an explanation; see `--help` for each."""

    baseline: Path | None = option(None, "Folder of a second run, to compare with.")
    method: Literal["gradcam", "gradcam++", "layercam"] = option(
        "gradcam", "How maps are made."
    )
    layer: str | None = option(
        None,
        "Layer whose map is used: its name or its stride in pixels; by default the "
        "last of the backbone (for shortcuts: a finer one).",
    )
    num_images: int = option(
        500, "Photos to measure, drawn at random from more.", minimum=2
    )
    num_shown: int = option(24, "Photos in the gallery.", minimum=1, maximum=200)
    num_perturbed: int = option(
        100, "Photos of deletion and insertion, which are slow; 0 for none.", minimum=0
    )
    find_shortcuts: bool = option(
        False, "Look for what the model uses instead of objects."
    )
    seed: int = option(0, "Seed of draws and bootstrap.", minimum=0, maximum=2**32 - 1)

    result = "explanation"

    @property
    def explained_layer(self):
        """`layer` as `ssl_voc.grad_cam` takes it."""
        is_stride = self.layer is not None and self.layer.isdecimal()
        return int(self.layer) if is_stride else self.layer
