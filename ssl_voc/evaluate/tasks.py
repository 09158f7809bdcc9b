"""Which evaluation belongs to which task of `finetune`."""

from ssl_voc.evaluate.detection.run import DetectionRun
from ssl_voc.evaluate.localization.run import LocalizationRun

EVALUATIONS = {"localize": LocalizationRun, "detect": DetectionRun}
