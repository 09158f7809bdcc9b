"""Backbones and the models that train them."""

# A file of a compiled model holds metrics and an optimizer, which Keras must know.
import ssl_voc.metrics
import ssl_voc.optimizers  # noqa: F401
from ssl_voc.models.backbones import backbone as backbone
from ssl_voc.models.backbones import plain_backbone as plain_backbone
from ssl_voc.models.classifier import Classifier as Classifier
from ssl_voc.models.contrastive_model import ContrastiveModel as ContrastiveModel
from ssl_voc.models.detector import Detector as Detector
from ssl_voc.models.loading import load_model as load_model
from ssl_voc.models.localizer import Localizer as Localizer
from ssl_voc.models.pretrained_weights import fingerprint as fingerprint
