"""Settings of `python -m ssl_voc.export`."""

import dataclasses
from pathlib import Path
from typing import Literal

from ssl_voc.cli.errors import BadInput
from ssl_voc.cli.options import option
from ssl_voc.runs.version_folder import is_named_as_version

MODELS_FOLDER = Path("saved_models")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """Settings of an export; see `--help` for each."""

    run: Path = option(help="Folder of a finished finetune run.", positional=True)
    out: Path | None = option(
        None,
        "Folder of the model's versions; by default saved_models/NAME, with -onnx or "
        "-litert for those.",
    )
    name: str | None = option(
        None, "Name that the model is served by; by default OUT's or RUN's."
    )
    format: Literal["savedmodel", "onnx", "litert"] = option(
        "savedmodel",
        "What is written; onnx and litert take letterboxed photos, not files.",
    )
    data: tuple[str, ...] = option(
        (),
        "Photos to compare on; by default those that RUN held out, else that "
        "chose its epoch, else drawn ones.",
    )
    split: str | None = option(
        None,
        "Split to compare on, of --data or else of RUN's own; held-out are the photos "
        "that RUN held out.",
    )
    num_photos: int = option(50, "Photos compared, at most.", minimum=1)
    max_megapixels: float = option(
        120.0,  # phones take 108
        "Photos that announce more are answered with an error.",
        above=0,
        maximum=1e6,
    )
    license: str = option("not stated", "Terms of the weights, for the model card.")

    def resolved(self, finished):
        """The same settings with name, folder and the data of a split filled in.

        Args:
            finished: `FinishedRun` of `run`.

        Raises:
            BadInput: when the name cannot be that of a model, or the folder is that of
                one version.
        """
        name = self.name or (self.out or self.run).resolve().name
        if not name or set(name) & set("/\\:") or name.startswith("."):
            raise BadInput(
                f"--name: expected the name of a folder and of a URL's part, got "
                f"{name!r}"
            )
        if self.out is not None:
            _refuse_version(self.out.absolute())
        # A server that reads NAME must find SavedModels alone there.
        suffix = "" if self.format == "savedmodel" else f"-{self.format}"
        out = self.out or MODELS_FOLDER / f"{name}{suffix}"
        data = self.data or (finished.data if self.split is not None else ())
        return dataclasses.replace(self, name=name, out=out, data=data)


def _refuse_version(out):
    if is_named_as_version(out) or (out / "saved_model.pb").exists():
        raise BadInput(
            f"--out: {out} is a version. Name the folder of all versions, "
            f"{out.parent}; the number is chosen."
        )
