"""Pretraining of backbones on photos, with labels or without."""

from ssl_voc.pretrain.command import main as main
from ssl_voc.pretrain.command import pretrain as pretrain
from ssl_voc.pretrain.config import PretrainConfig as PretrainConfig
