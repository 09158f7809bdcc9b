"""`python -m ssl_voc.explain RUN`: shows and measures where a model looks."""

import dataclasses
import sys
from pathlib import Path
from typing import Literal

from ssl_voc.evaluate import (
    EvaluateConfig,
    read_finished_run,
    refuse_to_write_over,
    refuse_unnamed_split,
)
from ssl_voc.runs.errors import BadInput, run_command
from ssl_voc.runs.options import option

DESCRIPTION = """Shows and measures where the model of RUN, a finished finetune, looks.

Heat maps of each photo's true class, beside those of --baseline on the same photos:
how much of them lies in the object's box, whether they cover it, whether the score
follows them, and whether they are lost when the weights are. Writes figures with
intervals (metrics.json, images.jsonl), a gallery (gallery.png) and a page with all of
it (index.html). With --find-shortcuts it looks for what the model uses instead of the
objects. Photos that training saw are refused.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExplainConfig(EvaluateConfig):
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

    def resolved(self, finished):
        """The same settings with data and folder filled in.

        Args:
            finished: `FinishedRun` of `run`.
        """
        config = super().resolved(finished)
        if self.out is not None:
            return config
        name = config.out.name.replace("evaluation", "explanation", 1)
        return dataclasses.replace(config, out=self.run / name)

    @property
    def explained_layer(self):
        """`layer` as `ssl_voc.grad_cam` takes it."""
        is_stride = self.layer is not None and self.layer.isdecimal()
        return int(self.layer) if is_stride else self.layer


def explain(config):
    """Explains a run and writes a folder of figures and pictures.

    Args:
        config: An `ExplainConfig`.

    Returns:
        The dictionary that `metrics.json` holds.

    Raises:
        BadInput: when runs, data or folder cannot be worked with, or photos leak.
    """
    from ssl_voc.runs.config_file import describe_config
    from ssl_voc.runs.run_folder import RunFolder
    from ssl_voc.runs.start_up_noise import without_start_up_noise

    finished = [read_finished_run(config.run)]
    if config.baseline is not None:
        finished.append(_read_baseline(config.baseline, finished[0]))
    config = config.resolved(finished[0])
    refuse_unnamed_split(config, finished[0], "explain")
    for run in finished:
        refuse_to_write_over(config.out, run.path, "a run that is to be explained")
    with without_start_up_noise():
        from ssl_voc import training

        training.accelerators()  # the first look for a GPU is noisy, too
    with RunFolder.open(
        config.out, config, "explain", config.overwrite, may_grow=()
    ) as folder:
        print(describe_config(config))
        print(f"writing {folder.path}", flush=True)
        from ssl_voc.explanation_run import ExplanationRun

        try:
            explanation = ExplanationRun(config, finished, folder)
            metrics = explanation.finish()
        except (ValueError, OSError) as error:
            raise BadInput(str(error)) from error
        print(explanation.last_words(metrics), flush=True)
        return metrics


def _read_baseline(folder, run):
    """The second run, which must know the classes of the first and be another."""
    try:
        baseline = read_finished_run(folder)
    except BadInput as error:
        raise BadInput(str(error).replace("RUN:", "--baseline:", 1)) from error
    if baseline.class_names != run.class_names:
        raise BadInput(
            f"--baseline: {folder} knows the classes "
            f"{', '.join(baseline.class_names)}. Expected those of RUN: "
            f"{', '.join(run.class_names)}."
        )
    if folder.resolve() == run.path.resolve():
        raise BadInput(f"--baseline: {folder} is RUN itself. Name another run.")
    return baseline


def main(argv=None):
    """Runs the command.

    Args:
        argv: Arguments; `None` reads those of the process.

    Returns:
        Exit status: 0 done, 2 bad input, 3 interrupted, 1 a defect.
    """
    return run_command(explain, ExplainConfig, argv, "explain", DESCRIPTION)


if __name__ == "__main__":
    sys.exit(main())
