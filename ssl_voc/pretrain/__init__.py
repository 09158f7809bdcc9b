"""Pretraining of backbones on photos, with labels or without."""

from ssl_voc.pretrain.command import main, pretrain
from ssl_voc.pretrain.config import PretrainConfig
