"""Settings of a fine-tuning that follow from its length, where no flag says them.

What the first start of a run chose stands in its manifest.
"""

import dataclasses

from ssl_voc.finetune.config import LEAST_EPOCHS, LEAST_POOL_PASSES
from ssl_voc.finetune.phases import default_unfreeze_epoch
from ssl_voc.training.default_epochs import default_epochs
from ssl_voc.training.resumed_border import resumed_border


def plan_epochs(task, steps_per_epoch, unlabeled):
    """Number of epochs, and its reason in words.

    Args:
        task: Of `ssl_voc.tasks`.
        steps_per_epoch: Steps of one pass over the labelled photos.
        unlabeled: `UnlabeledPhotos`, or None.
    """
    steps, reasons = task.least_steps, [f"at least {LEAST_EPOCHS} epochs"]
    if steps:
        reasons.append(f"{steps} steps")
    if unlabeled:
        steps = max(steps, unlabeled.least_steps)
        reasons.append(f"{LEAST_POOL_PASSES} passes over --unlabeled")
    return default_epochs(LEAST_EPOCHS, steps, steps_per_epoch), " and ".join(reasons)


def fill_in_unfreeze_epoch(config, folder, done):
    """The settings with an `unfreeze_epoch`.

    Args:
        config: A `FinetuneConfig` with its number of epochs.
        folder: The `RunFolder`.
        done: Number of epochs done.
    """
    chosen = resumed_border(
        default_unfreeze_epoch(config.epochs),
        folder.manifest.get("unfreeze_epoch"),
        done,
    )
    folder.update_manifest(unfreeze_epoch=chosen)
    print(
        f"staged: the head alone for {chosen} of {config.epochs} epochs "
        "(--unfreeze-epoch)",
        flush=True,
    )
    return dataclasses.replace(config, unfreeze_epoch=chosen)


def fill_in_mosaic(config, folder, planned, is_settled):
    """The settings with a share of mosaics, `mosaic`: that of the first start.

    Args:
        config: A `FinetuneConfig`.
        folder: The `RunFolder`.
        planned: What `Task.mosaic_share` gives.
        is_settled: Whether the number of epochs will not change by a trial; until then
            nothing is told or kept.
    """
    share = folder.manifest.get("mosaic", planned)
    if planned is not None and is_settled:
        text = f"mosaics: {share:.0%} of the pictures"
        if share != planned:
            print(f"{text}, as the run began (--mosaic)", flush=True)
        elif "mosaic" not in folder.manifest:
            folder.update_manifest(mosaic=share)
            print(f"{text}, by the length of the training (--mosaic)", flush=True)
    return dataclasses.replace(config, mosaic=share)
