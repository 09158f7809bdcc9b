"""Fine-tuning of localizers and detectors on labelled photos."""

from ssl_voc.finetune.command import finetune, main
from ssl_voc.finetune.config import FinetuneConfig
