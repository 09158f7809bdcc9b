"""Command `predict`: objects in photos, by a run, an artifact or a server."""

import contextlib
import os
from pathlib import Path

from ssl_voc.cli.command import command_main
from ssl_voc.cli.errors import BadInput
from ssl_voc.predict.config import PredictConfig
from ssl_voc.runs.start_rules import refuse_to_write_over

# Reasons in the message that there is no photo.
_MOST_REASONS = 3
DESCRIPTION = """Finds the objects in photos: files, folders, or patterns in quotes.

Predicts by a finished finetune run or an exported SavedModel (--model), or by a model
that TensorFlow Serving serves (--server). Writes every photo with its boxes, classes
and scores drawn in (pictures/), all detections as COCO results with names
(predictions.json), a line a photo (images.jsonl), and which files could not be used and
why (skipped.txt).

Example: python -m ssl_voc.predict photos --model runs/detector --out found
"""


def predict(config):
    """Predicts photos and writes a folder of pictures and detections.

    Args:
        config: A `PredictConfig`.

    Returns:
        The dictionary that `summary.json` holds.

    Raises:
        BadInput: If model, server or folder cannot be worked with, or no photo could be
            predicted.
        StoppedEarly: If it ended before the last photo; what was predicted is written.
    """
    from ssl_voc.predict.photo_names import find_photos
    from ssl_voc.predict.predictors import open_predictor
    from ssl_voc.runs.run_folder import RunFolder

    if config.server is None and config.model is not None:
        model = Path(os.path.expanduser(config.model))
        refuse_to_write_over(config.out, model, "the model that is to predict")
    photos, problems = find_photos(config.images, config.out)
    if not photos:
        # The last one is that of a folder, whose files are told before.
        told = [*problems[-1:], *problems[:-1][:_MOST_REASONS]]
        reasons = "; ".join(f"{name}: {reason}" for name, reason in told)
        reasons += f"; and {len(problems) - len(told)} more" * (
            len(told) < len(problems)
        )
        reasons = reasons or f"all lie in --out {config.out}"
        raise BadInput(f"IMAGES: no photo was found. {reasons}")
    predictor = open_predictor(
        config.model,
        config.server,
        batch_size=min(config.batch_size, len(photos)),
        tta=config.tta,
        max_detections=config.max_detections,
        timeout=config.timeout,
        retries=config.retries,
    )
    with (
        contextlib.closing(predictor),
        RunFolder.open(config.out, config, "predict", config.overwrite) as folder,
    ):
        from ssl_voc.predict.run import PredictionRun

        print(f"predicting by {predictor.description}")
        print(f"writing {folder.path}", flush=True)
        run = PredictionRun(config, photos, problems, predictor, folder)
        summary = run.finish()
        print(run.format_summary(summary), flush=True)
        return summary


main = command_main(predict, PredictConfig, "predict", DESCRIPTION)
