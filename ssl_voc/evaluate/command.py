"""Command `evaluate`: metrics of a fine-tuned model on other photos."""

from ssl_voc.cli.command import command_main
from ssl_voc.cli.errors import BadInput, as_bad_input
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
    from ssl_voc.evaluate.splits_of_run import refuse_unusable_splits

    finished = read_finished_run(config.run)
    task = task_of(finished)
    config = config.resolved(finished)
    refuse_to_write_over(config.out, config.run, "the run that is to be evaluated")
    split = config.asked_split(finished)
    refuse_unusable_splits(config.data, split, finished, "evaluate")
    if split is None and config.data == finished.data and not config.allow_leakage:
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


main = command_main(evaluate, EvaluateConfig, "evaluate", DESCRIPTION)
