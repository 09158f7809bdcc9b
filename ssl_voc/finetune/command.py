"""`python -m ssl_voc.finetune`: learns from boxes, on a pretrained backbone."""

from ssl_voc.cli.command import run_command
from ssl_voc.finetune.config import FinetuneConfig

DESCRIPTION = """Fits a head, and the backbone under it, on labelled photos.

Task localize: the class and the box of the main object of each photo. Task detect:
those of every object. DATA is a VOC tree or devkit, a COCO json beside its photos or
zips, tfds:NAME, or `scenes`, a data set that the program draws itself. Figures to
report come from `evaluate`.
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
    from ssl_voc.cli.config_file import describe_config
    from ssl_voc.cli.native_log_filter import without_start_up_noise
    from ssl_voc.runs.run_folder import RunFolder

    with without_start_up_noise():
        from ssl_voc import devices
        from ssl_voc.training import lifecycle

        devices.accelerators()  # the first look for a GPU is noisy, too
    config = config.resolved()
    with RunFolder.open(config.out, config, "finetune", config.overwrite) as run:
        print(describe_config(config))
        print(f"{'resuming' if run.resuming else 'writing'} {run.path}", flush=True)
        from ssl_voc.finetune.run import FinetuningRun

        return lifecycle.train_to_the_end(lambda: FinetuningRun(config, run))


def main(argv=None):
    """Runs the command.

    Args:
        argv: Arguments; `None` reads those of the process.

    Returns:
        Exit status: 0 done, 2 bad input, 3 stopped early with work saved, 1 a defect.
    """
    return run_command(finetune, FinetuneConfig, argv, "finetune", DESCRIPTION)
