"""`python -m ssl_voc.pretrain`: learns a backbone from photos, labels or none."""

from ssl_voc.cli.command import run_command
from ssl_voc.pretrain.config import PretrainConfig

DESCRIPTION = """Learns an EfficientNet backbone from photos without labels (SimCLR).

For comparison, --objective supervised learns it from the labels of the photos: the
class of the main object where there are boxes, or the folder. It holds --val-share of
them out to report top-1 on; 0 learns from every labelled photo.

DATA is a folder of photos, a VOC devkit, a COCO json beside its photos or zips, an .npz
of images, tfds:NAME, or `scenes`, a data set that the program draws itself.
"""


def pretrain(config):
    """Pretrains a backbone and writes a run folder; resumes one that was cut short.

    Args:
        config: A `PretrainConfig`.

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
    with RunFolder.open(config.out, config, "pretrain", config.overwrite) as run:
        print(describe_config(config))
        print(f"{'resuming' if run.resuming else 'writing'} {run.path}", flush=True)
        from ssl_voc.pretrain.run import PretrainingRun

        return lifecycle.train_to_the_end(lambda: PretrainingRun(config, run))


def main(argv=None):
    """Runs the command.

    Args:
        argv: Arguments; `None` reads those of the process.

    Returns:
        Exit status: 0 done, 2 bad input, 3 stopped early with work saved, 1 a defect.
    """
    return run_command(pretrain, PretrainConfig, argv, "pretrain", DESCRIPTION)
