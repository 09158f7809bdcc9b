"""`python -m ssl_voc.export RUN`: a fine-tuned model as an artifact for TF Serving."""

import dataclasses
import sys
from pathlib import Path
from typing import Literal

from ssl_voc.runs.errors import BadInput, run_command
from ssl_voc.runs.options import option

DESCRIPTION = """Exports the model of RUN, a finished fine-tuning, to be served.

Writes OUT/VERSION, a SavedModel that takes encoded photos and answers boxes in their
pixels, with a model card (README.md), facts (ssl_voc.json) and warm-up requests. The
artifact is then asked about held-out photos by a process that has tensorflow alone; if
it does not answer what the model of RUN does, nothing is written.
"""

MODELS_FOLDER = Path("saved_models")
# Largest differences between artifact and evaluator: pixels of the photo, probability.
BOX_TOLERANCE = 1e-3
SCORE_TOLERANCE = 1e-4


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
        (), "Photos to compare on; by default those that RUN held out, else drawn ones."
    )
    split: str | None = option(None, "Split of --data to compare on.")
    num_photos: int = option(50, "Photos compared, at most.", minimum=1)
    max_megapixels: float = option(
        40.0,
        "Photos that announce more are answered with an error.",
        above=0,
        maximum=1e6,
    )
    license: str = option("not stated", "Terms of the weights, for the model card.")

    def resolved(self):
        """The same settings with name and folder filled in.

        Raises:
            BadInput: when the name cannot be that of a model.
        """
        name = self.name or (self.out or self.run).resolve().name
        if not name or set(name) & set("/\\:") or name.startswith("."):
            raise BadInput(
                f"--name: expected the name of a folder and of a URL's part, got "
                f"{name!r}"
            )
        # A server that reads NAME must find SavedModels alone there.
        suffix = "" if self.format == "savedmodel" else f"-{self.format}"
        out = self.out or MODELS_FOLDER / f"{name}{suffix}"
        return dataclasses.replace(self, name=name, out=out)


@dataclasses.dataclass(frozen=True)
class Exported:
    """What an export has written.

    Attributes:
        path: Folder of the version.
        facts: What its `ssl_voc.json` holds.
    """

    path: Path
    facts: dict


def export(config):
    """Exports a run, compares the artifact with it, and keeps it if they agree.

    Args:
        config: An `ExportConfig`.

    Returns:
        `Exported`.

    Raises:
        BadInput: when run, photos or folder cannot be worked with, or the artifact
            answers something else than the model.
    """
    from ssl_voc.evaluate import read_finished_run
    from ssl_voc.runs.config_file import describe_config
    from ssl_voc.runs.start_up_noise import without_start_up_noise

    finished = read_finished_run(config.run)
    config = config.resolved()
    _refuse_what_holds_no_versions(config)
    print(describe_config(config), flush=True)
    with without_start_up_noise():
        from ssl_voc import training

        training.accelerators()  # the first look for a GPU is noisy, too
    from ssl_voc.export_artifact import write_artifact

    try:
        exported = write_artifact(config, finished)
    except (ValueError, OSError) as error:
        raise BadInput(str(error)) from error
    print(f"\nwrote {exported.path}", flush=True)
    return exported


def _refuse_what_holds_no_versions(config):
    if config.out.exists() and not config.out.is_dir():
        raise BadInput(
            f"--out: {config.out} is a file. Name a folder for the versions of an "
            "exported model."
        )
    if (config.out / "manifest.json").exists():
        raise BadInput(
            f"--out: {config.out} holds a run. Name a folder for the versions of an "
            "exported model."
        )


def main(argv=None):
    """Runs the command.

    Args:
        argv: Arguments; `None` reads those of the process.

    Returns:
        Exit status: 0 done, 2 bad input or an artifact that differs from its model, 3
        interrupted, 1 a defect.
    """
    return run_command(export, ExportConfig, argv, "export", DESCRIPTION)


if __name__ == "__main__":
    sys.exit(main())
