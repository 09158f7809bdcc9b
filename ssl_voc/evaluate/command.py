"""Command `evaluate`: metrics of a fine-tuned model on other photos."""

from ssl_voc.cli.command import command_main
from ssl_voc.cli.errors import BadInput, as_bad_input
from ssl_voc.cli.native_log_filter import filter_native_logs
from ssl_voc.evaluate.config import EvaluateConfig
from ssl_voc.runs.finished_run import read_finished_run
from ssl_voc.runs.start import open_run
from ssl_voc.runs.start_rules import refuse_to_write_over
from ssl_voc.tasks import task_of

DESCRIPTION = """Measures the model of RUN, a finished fine-tuning, on labelled photos.

Writes the figures with their intervals and protocols (metrics.json), the predictions
(predictions.json, COCO's result format), what each photo scored (images.jsonl) and
pictures. Of a localizer: top-1, top-3, mean IoU, LocAcc, CorLoc; of a detector: AP of
VOC and of COCO, precision and recall at the best threshold, CorLoc. Photos that
training saw are refused. DATA is what finetune takes.

Example: python -m ssl_voc.evaluate runs/detector
"""


def evaluate(config):
    """Evaluates a run and writes a folder of figures and pictures.

    Args:
        config: An `EvaluateConfig`.

    Returns:
        The dictionary that `metrics.json` holds.

    Raises:
        BadInput: when run, data or folder cannot be worked with, or photos leak.
    """
    finished = read_finished_run(config.run)
    task = task_of(finished)
    config = config.resolved(finished)
    refuse_to_write_over(config.out, config.run, "the run that is to be evaluated")
    refuse_unnamed_split(config, finished, "evaluate")
    named = config.split is not None or config.evaluates_held_out(finished)
    if not named and config.data == finished.data and not config.allow_leakage:
        raise BadInput(
            f"--data: {finished.path} learned from {' '.join(config.data)}, which has "
            "no splits. Name other photos by --data."
        )
    with open_run(config, "evaluate") as folder:
        from ssl_voc.evaluate.tasks import evaluation_of

        with as_bad_input():
            evaluation = evaluation_of(task)(config, finished, folder)
        with as_bad_input(OSError):
            metrics = evaluation.finish()
        print(evaluation.format_summary(metrics), flush=True)
        return metrics


def refuse_unnamed_split(config, finished, purpose):
    """Asks for a split where a source has several and none was named.

    Args:
        config: An `EvaluateConfig`, resolved.
        finished: `FinishedRun` of `config.run`.
        purpose: Verb of what is to be done with the photos.

    Raises:
        BadInput: naming the splits.
    """
    import pipelines

    if config.split is not None or config.evaluates_held_out(finished):
        return
    for source in config.data:
        try:
            with filter_native_logs():  # of TensorFlow, which reads `tfds:` sources
                found = pipelines.splits(source)
        except (ValueError, OSError) as error:
            raise BadInput(f"--data: {error}") from error
        if len(found) > 1:
            usual = "train" if "train" in found else "trainval"
            learned = finished.settings.get("train_split") or usual
            raise BadInput(
                f"--split: name the photos of {source} to {purpose}, one of: "
                f"{', '.join(found)}."
                + f" The run learned from {learned!r}."
                * (source in finished.data and learned in found)
            )


main = command_main(evaluate, EvaluateConfig, "evaluate", DESCRIPTION)
