"""Backbones and the models that train them."""

from ssl_voc.models.contrastive_model import ContrastiveModel as ContrastiveModel
from ssl_voc.models.efficient_net import backbone as backbone
from ssl_voc.models.efficient_net import plain_backbone as plain_backbone
from ssl_voc.models.localizer import Localizer as Localizer
from ssl_voc.models.pretrained_weights import fingerprint as fingerprint
