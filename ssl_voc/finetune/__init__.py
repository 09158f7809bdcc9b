"""Fine-tuning of localizers and detectors on labelled photos."""

from ssl_voc.finetune.command import finetune as finetune
from ssl_voc.finetune.command import main as main
from ssl_voc.finetune.config import FinetuneConfig as FinetuneConfig
