"""Command `export`: a fine-tuned model as an artifact for TF Serving."""

import os

from ssl_voc.cli.command import command_main
from ssl_voc.cli.config_file import describe_config
from ssl_voc.cli.errors import BadInput, as_bad_input
from ssl_voc.export.config import ExportConfig
from ssl_voc.runs.environment import current_backend
from ssl_voc.runs.finished_run import read_finished_run
from ssl_voc.runs.json_files import read_json_dict
from ssl_voc.runs.start import load_framework
from ssl_voc.runs.version_folder import FACTS, versions_of

DESCRIPTION = """Exports the model of RUN, a finished fine-tuning, to be served.

Writes OUT/VERSION, a SavedModel that takes encoded photos and answers boxes in their
pixels, with a model card (README.md), facts (ssl_voc.json) and warm-up requests. The
artifact is then run on held-out photos by a process that has tensorflow alone; if its
predictions differ from those of the model of RUN, nothing is written.

Example: python -m ssl_voc.export runs/detector --name kangaroos
"""


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
    from ssl_voc.evaluate.splits_of_run import refuse_unusable_splits
    from ssl_voc.tasks import task_of

    _choose_tensorflow()
    finished = read_finished_run(config.run)
    task_of(finished)  # one that is not known is refused before the work
    config = config.resolved(finished)
    split = config.split or "all"  # without one, any photos do
    refuse_unusable_splits(config.data, split, finished, "compare on")
    _refuse_what_holds_no_versions(config.out)
    _refuse_versions_of_another_model(config, finished)
    print(describe_config(config), flush=True)
    with as_bad_input():
        load_framework()
        from ssl_voc.export.artifact import write_artifact

        exported = write_artifact(config, finished)
    print(f"\nwrote {exported.path}", flush=True)
    return exported


def _choose_tensorflow():
    """Files of models know no backend, but what is written are tensorflow's graphs."""
    backend = current_backend()
    if backend is None:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    elif backend != "tensorflow":
        raise BadInput(
            f"Keras runs on {backend} in this process, but exports are written by "
            "tensorflow. Export in a process of its own: python -m ssl_voc.export RUN"
        )


def _refuse_what_holds_no_versions(out):
    is_file = out.exists() and not out.is_dir()
    if is_file or (out / "manifest.json").exists():
        raise BadInput(
            f"--out: {out} {'is a file' if is_file else 'holds a run'}. Name a folder "
            "for the versions of an exported model."
        )


def _refuse_versions_of_another_model(config, finished):
    """Servers replace a version by the next: it must answer what that one did."""
    for version in versions_of(config.out)[-1:]:
        newest = read_json_dict(version / FACTS)
        now = {
            "format": config.format,
            "task": finished.task,
            "class_names": list(finished.class_names),
        }
        others = [
            f"{name} {change}"
            for name, value in now.items()
            if name in newest and (change := _change(newest[name], value))
        ]
        if others:
            raise BadInput(
                f"--out: {version} is of another model ({'; '.join(others)}), which "
                "servers would replace. Name another --out, or without --out another "
                "--name."
            )


def _change(old, new):
    """What clients would see change, in words; new classes behind the old are none."""
    if not (isinstance(old, list) and isinstance(new, list)):
        return "" if old == new else f"{old!r}, now {new!r}"
    for number, name in enumerate(old):
        if new[number : number + 1] != [name]:
            return f"{name} {number} -> {new.index(name) if name in new else 'none'}"
    return ""


main = command_main(export, ExportConfig, "export", DESCRIPTION)
