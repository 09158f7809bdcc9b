"""Settings of `python -m ssl_voc.predict`."""

import dataclasses
from pathlib import Path

from ssl_voc.cli.options import option
from ssl_voc.tasks import TASKS

# Lowest score of a detector's detections, where no flag says another.
DETECTOR_THRESHOLD = TASKS["detect"].threshold


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictConfig:
    """Settings of a prediction; see `--help` for each."""

    images: tuple[str, ...] = option(
        help="Photos, folders of photos, or patterns.", positional=True
    )
    model: str | None = option(
        None,
        "Folder of a finetune run, or of an exported SavedModel (the newest version). "
        "With --server, the model's name, where the address has none.",
    )
    server: str | None = option(
        None,
        "Address of a served model: http://HOST:8501/v1/models/NAME, or "
        "grpc://HOST:8500/NAME.",
    )
    out: Path = option(help="Folder to write.")
    overwrite: bool = option(False, "Replace the predictions that --out holds.")
    threshold: float | None = option(
        None,
        "Lowest score of a detection that is drawn and written; by default "
        f"{DETECTOR_THRESHOLD:g}, and 0 for a localizer, which always answers one box.",
        minimum=0.0,
        maximum=1.0,
    )
    max_detections: int = option(
        100, "Most detections of a photo, the most confident.", minimum=1
    )
    tta: bool = option(
        False,
        "Ask a run for four views of each photo, of two sizes and mirrored (two where "
        "training mirrored none), and fuse the answers, in as many times the time.",
    )
    batch_size: int = option(
        8, "Photos predicted at once, or sent in one request.", minimum=1
    )
    draw: bool = option(True, "Write pictures.")
    timeout: float = option(
        30.0, "Seconds that --server may take to answer.", above=0.0
    )
    retries: int = option(
        3, "How often a request that fails temporarily is repeated.", minimum=0
    )
