"""Command `pretrain`: a backbone from photos, with labels or without."""

from ssl_voc.cli.command import command_main
from ssl_voc.pretrain.config import PretrainConfig
from ssl_voc.runs.start import open_run
from ssl_voc.training.input_checks import refuse_missing_inputs

DESCRIPTION = """Learns a backbone from photos without labels.

For comparison, --objective supervised learns it from the labels of the photos: the
class of the main object where there are boxes, or the folder. It holds --val-share of
them out to report top-1 on; 0 learns from every labelled photo.

DATA is a folder of photos, photos with a VOC xml each, a VOC tree or devkit, a COCO
json beside its photos or zips, Roboflow's COCO folders, YOLO's data.yaml, an .npz of
images, tfds:NAME, or `scenes`, a data set that the program draws itself.

Example: python -m ssl_voc.pretrain --data photos --time 40m --out runs/photos
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
    config = config.resolved()
    refuse_missing_inputs(config)
    with open_run(config, "pretrain") as folder:
        from ssl_voc.pretrain.run import PretrainingRun
        from ssl_voc.training.run import run_training

        return run_training(lambda: PretrainingRun(config, folder))


main = command_main(pretrain, PretrainConfig, "pretrain", DESCRIPTION)
