"""Evaluation of fine-tuned models on photos that they have not seen."""

from ssl_voc.evaluate.command import evaluate, main
from ssl_voc.evaluate.config import EvaluateConfig
