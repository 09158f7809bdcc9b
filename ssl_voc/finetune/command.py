"""Command `finetune`: a localizer or detector from few boxes."""

from ssl_voc.cli.command import command_main
from ssl_voc.cli.errors import BadInput
from ssl_voc.finetune.config import FinetuneConfig
from ssl_voc.runs.start import open_run
from ssl_voc.runs.start_rules import has_checkpoint
from ssl_voc.tasks import TASKS
from ssl_voc.training.input_checks import refuse_missing_inputs

DESCRIPTION = """Fits a head, and the backbone under it, on labelled photos.

Task localize: the class and the box of the main object of each photo. Task detect:
those of every object. DATA is photos with a VOC xml each, a VOC tree or devkit, a COCO
json beside its photos or zips, Roboflow's COCO folders, YOLO's data.yaml, tfds:NAME, or
`scenes`, a data set that the program draws itself. Figures to report come from
`evaluate`.

Example: python -m ssl_voc.finetune --task detect --data labelled --out runs/detector
"""


def finetune(config):
    """Fine-tunes and writes a run folder; resumes a run that was cut short.

    Args:
        config: A `FinetuneConfig`.

    Returns:
        The dictionary that `summary.json` holds.

    Raises:
        BadInput: when data, weights or run folder cannot be worked with.
        StoppedEarly: when interrupted, when photos, disk or memory failed, or when the
            training went wrong; what was done is saved.
    """
    config = config.resolved()
    refuse_missing_inputs(config)
    if config.overwrite or not has_checkpoint(config.out):
        _refuse_uneven_cells(config)
    with open_run(config, "finetune") as folder:
        from ssl_voc.finetune.run import FinetuningRun
        from ssl_voc.training.run import run_training

        return run_training(lambda: FinetuningRun(config, folder))


def _refuse_uneven_cells(config):
    step = TASKS[config.task].image_size_step
    # Of a backbone from a file nobody knows the stride.
    if config.image_size % step and not config.backbone.endswith(".keras"):
        low = config.image_size // step * step
        raise BadInput(
            f"--image-size: --task {config.task} wants a multiple of {step}, so that "
            f"cells divide the photo evenly: {low or step} or {low + step}, got "
            f"{config.image_size}."
        )


main = command_main(finetune, FinetuneConfig, "finetune", DESCRIPTION)
