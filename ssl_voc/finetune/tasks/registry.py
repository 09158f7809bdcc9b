"""What differs between the tasks of fine-tuning: model, losses, figures."""

from ssl_voc.finetune.tasks.detect import DetectTask
from ssl_voc.finetune.tasks.localize import LocalizeTask

TASKS = {"localize": LocalizeTask(), "detect": DetectTask()}
