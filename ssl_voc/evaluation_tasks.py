"""Which evaluation belongs to which task of `finetune`."""

from ssl_voc.detection_run import DetectionRun
from ssl_voc.localization_run import LocalizationRun

EVALUATIONS = {"localize": LocalizationRun, "detect": DetectionRun}
