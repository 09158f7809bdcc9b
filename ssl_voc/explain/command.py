"""Command `explain`: heat maps of a fine-tuned model, and their measures."""

from ssl_voc.cli.command import command_main
from ssl_voc.cli.errors import BadInput, as_bad_input
from ssl_voc.explain.config import ExplainConfig
from ssl_voc.runs.finished_run import read_finished_run
from ssl_voc.runs.start import open_run
from ssl_voc.runs.start_rules import refuse_to_write_over

DESCRIPTION = """Shows and measures where the model of RUN, a finished finetune, looks.

Heat maps of each photo's true class, beside those of --baseline on the same photos:
how much of them lies in the object's box, whether they cover it, whether the score
follows them, and whether they are lost when the weights are. Writes figures with
intervals (metrics.json, images.jsonl), a gallery (gallery.png) and a page with all of
it (index.html). With --find-shortcuts it looks for what the model uses instead of the
objects. Photos that training saw are refused.

Example: python -m ssl_voc.explain runs/detector --baseline runs/imagenet
"""


def explain(config):
    """Explains a run and writes a folder of figures and pictures.

    Args:
        config: An `ExplainConfig`.

    Returns:
        The dictionary that `metrics.json` holds.

    Raises:
        BadInput: when runs, data or folder cannot be worked with, or photos leak.
    """
    from ssl_voc.evaluate.splits_of_run import refuse_unusable_splits

    finished = [read_finished_run(config.run)]
    if config.baseline is not None:
        finished.append(_read_baseline(config.baseline, finished[0]))
    config = config.resolved(finished[0])
    for run in finished:
        refuse_to_write_over(config.out, run.path, "a run that is to be explained")
    split = config.asked_split(finished[0])
    refuse_unusable_splits(config.data, split, finished[0], "explain")
    with open_run(config, "explain") as folder:
        from ssl_voc.explain.run import ExplanationRun

        with as_bad_input():
            explanation = ExplanationRun(config, finished, folder)
            metrics = explanation.finish()
        print(explanation.format_summary(metrics), flush=True)
        return metrics


def _read_baseline(folder, run):
    """The second run, which must know the classes of the first and be another."""
    baseline = read_finished_run(folder, "--baseline")
    if baseline.class_names != run.class_names:
        raise BadInput(
            f"--baseline: {folder} knows the classes "
            f"{', '.join(baseline.class_names)}. Expected those of RUN: "
            f"{', '.join(run.class_names)}."
        )
    if folder.resolve() == run.path.resolve():
        raise BadInput(f"--baseline: {folder} is RUN itself. Name another run.")
    return baseline


main = command_main(explain, ExplainConfig, "explain", DESCRIPTION)
