"""`python -m ssl_voc.evaluate RUN`: measures a fine-tuned model on other photos."""

import dataclasses
import re
import sys
from pathlib import Path
from typing import Literal

from ssl_voc.runs.errors import BadInput, run_command
from ssl_voc.runs.options import option

DESCRIPTION = """Measures the model of RUN, a finished fine-tuning, on labelled photos.

Writes the figures with their intervals and protocols (metrics.json), the predictions
(predictions.json, COCO's result format), what each photo scored (images.jsonl) and
pictures. Of a localizer: top-1, top-3, mean IoU, LocAcc, CorLoc; of a detector: AP of
VOC and of COCO, precision and recall at the best threshold, CorLoc. Photos that
training saw are refused. DATA is what finetune takes.
"""

TASKS = ("localize", "detect")
# Photos that finetune held out itself, where the data came without lists.
HELD_OUT_LIST = "held_out_photos.tsv"
HELD_OUT = "held-out"
# The lists beside a VOC tree's own that hold the photos of one class.
_LIST_OF_CLASS = re.compile(r".+_(train|val|trainval|test)$")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """Settings of an evaluation; see `--help` for each."""

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
        name = re.sub(r"[^\w.-]+", "_", name)
        return dataclasses.replace(config, out=self.run / f"evaluation-{name}")

    def evaluates_held_out(self, finished):
        """Whether the photos are those that the run held out itself."""
        listed = (finished.path / HELD_OUT_LIST).is_file()
        return self.split is None and listed and self.data in ((), finished.data)


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """A finished fine-tuning, as its folder tells.

    Attributes:
        path: The folder.
        manifest: What `manifest.json` holds.
        settings: What `config.yaml` holds.
    """

    path: Path
    manifest: dict
    settings: dict

    @property
    def task(self):
        """What was learned: a member of `TASKS`."""
        return self.manifest["task"]

    @property
    def class_names(self):
        """Names of the classes, in the order of their scores."""
        return tuple(self.manifest["class_names"])

    @property
    def data(self):
        """The `--data` that it learned from."""
        return tuple(self.settings["data"])


def read_finished_run(folder):
    """Reads what a finished `finetune` says of itself; loads no model.

    Args:
        folder: Path of the run folder.

    Returns:
        `FinishedRun`.

    Raises:
        BadInput: when there is no such run, or it is not finished.
    """
    from ssl_voc.runs.config_file import read_config_file
    from ssl_voc.runs.start_rules import read_manifest

    folder = Path(folder)
    expected = "Expected the folder of a finished finetune run."
    if not folder.is_dir():
        raise BadInput(f"RUN: there is no folder {folder}. {expected}")
    manifest = read_manifest(folder)
    if manifest is None:
        raise BadInput(f"RUN: {folder} holds no run of this program. {expected}")
    if manifest.get("command") != "finetune":
        raise BadInput(
            f"RUN: {folder} holds a run of {manifest.get('command')}. {expected}"
        )
    for name in ("summary.json", "model.keras", "config.yaml"):
        if not (folder / name).is_file():
            raise BadInput(
                f"RUN: the run in {folder} is not finished, it has no {name}. Start "
                "its command again: it goes on where it was."
            )
    if manifest.get("task") not in TASKS:
        raise BadInput(
            f"RUN: {folder} is of task {manifest.get('task')!r}. Expected one of: "
            f"{', '.join(TASKS)}."
        )
    settings = read_config_file(folder / "config.yaml")
    missing = {"class_names", "image_size"} - manifest.keys()
    missing |= {"data"} - settings.keys()
    if missing:
        raise BadInput(
            f"RUN: the records of {folder} lack {', '.join(sorted(missing))}. "
            f"{expected}"
        )
    return FinishedRun(folder, manifest, settings)


def evaluate(config):
    """Evaluates a run and writes a folder of figures and pictures.

    Args:
        config: An `EvaluateConfig`.

    Returns:
        The dictionary that `metrics.json` holds.

    Raises:
        BadInput: when run, data or folder cannot be worked with, or photos leak.
    """
    from ssl_voc.runs.config_file import describe_config
    from ssl_voc.runs.run_folder import RunFolder
    from ssl_voc.runs.start_up_noise import without_start_up_noise

    finished = read_finished_run(config.run)
    config = config.resolved(finished)
    _refuse_ambiguous_photos(config, finished)
    refuse_to_write_over(config.out, config.run, "the run that is to be evaluated")
    with without_start_up_noise():
        from ssl_voc import training

        training.accelerators()  # the first look for a GPU is noisy, too
    with RunFolder.open(
        config.out, config, "evaluate", config.overwrite, may_grow=()
    ) as folder:
        print(describe_config(config))
        print(f"writing {folder.path}", flush=True)
        from ssl_voc.evaluation_tasks import EVALUATIONS

        try:
            evaluation = EVALUATIONS[finished.task](config, finished, folder)
        except (ValueError, OSError) as error:
            raise BadInput(str(error)) from error
        metrics = evaluation.finish()
        print(evaluation.last_words(metrics), flush=True)
        return metrics


def _refuse_ambiguous_photos(config, finished):
    """Asks for a split where there are several, and for data where all was learned."""
    if config.split is not None or config.evaluates_held_out(finished):
        return
    refuse_unnamed_split(config, finished, "evaluate")
    if config.data == finished.data and not config.allow_leakage:
        raise BadInput(
            f"--data: {finished.path} learned from {' '.join(config.data)}, which has "
            "no splits. Name other photos by --data."
        )


def refuse_unnamed_split(config, finished, purpose):
    """Asks for a split where a source has several and none was named.

    Args:
        config: An `EvaluateConfig`, resolved.
        finished: `FinishedRun` of `config.run`.
        purpose: Verb of what is to be done with the photos.

    Raises:
        BadInput: naming the splits.
    """
    if config.split is not None or config.evaluates_held_out(finished):
        return
    for source in config.data:
        found = splits_of(source)
        if found:
            learned = finished.settings.get("train_split") or "train"
            raise BadInput(
                f"--split: name the photos of {source} to {purpose}, one of: "
                f"{', '.join(found)}."
                + f" The run learned from {learned!r}."
                * (source in finished.data and learned in found)
            )


def splits_of(source):
    """Names of the splits that a source can be asked for; empty if it has none.

    Args:
        source: Anything that `--data` takes. Of a TensorFlow data set, which only
            tensorflow-datasets can list, the usual names are given.

    Raises:
        BadInput: when there is no such source.
    """
    from pipelines.folder import OTHER_SPLITS
    from pipelines.voc import voc_trees

    if source == "scenes":
        return ("train", "val", "all")
    if source.startswith("tfds:"):
        return ("train", "validation", "test")
    path = Path(source).expanduser()
    if not path.exists():
        raise BadInput(f"--data: {source} does not exist. Name labelled photos.")
    if not path.is_dir():
        return ()
    trees = voc_trees(path)
    if not trees:
        found = [name for name in OTHER_SPLITS if (path / name).is_dir()]
        return ("train", *found) if found and (path / "train").is_dir() else ()
    lists = [
        {file.stem for file in (tree / "ImageSets" / "Main").glob("*.txt")}
        for tree in trees
    ]
    common = sorted(set.intersection(*lists))
    common = [name for name in common if not _LIST_OF_CLASS.match(name)]
    return (*common, "all") if common else ()


def refuse_to_write_over(out, run, what):
    """Keeps `--overwrite` from deleting the very run or model that is asked.

    Args:
        out: Path of the folder to be written.
        run: Path of the run or model.
        what: The latter in words.

    Raises:
        BadInput: when the one is, or holds, the other.
    """
    resolved, run = out.resolve(), run.resolve()
    if resolved == run or resolved in run.parents:
        raise BadInput(f"--out: {out} holds {what}. Name another folder.")


def main(argv=None):
    """Runs the command.

    Args:
        argv: Arguments; `None` reads those of the process.

    Returns:
        Exit status: 0 done, 2 bad input, 3 interrupted, 1 a defect.
    """
    return run_command(evaluate, EvaluateConfig, argv, "evaluate", DESCRIPTION)


if __name__ == "__main__":
    sys.exit(main())
