"""Backbones and the models that train them."""

# A file of a compiled model holds metrics and an optimizer, which Keras must know.
import ssl_voc.metrics
import ssl_voc.optimizers
from ssl_voc.models.backbones import backbone, plain_backbone
from ssl_voc.models.byol_model import BYOLModel
from ssl_voc.models.classifier import Classifier
from ssl_voc.models.contrastive_model import ContrastiveModel
from ssl_voc.models.dense_contrastive_model import DenseContrastiveModel
from ssl_voc.models.detector import Detector
from ssl_voc.models.distillation_model import DistillationModel
from ssl_voc.models.distillation_teachers import load_teacher
from ssl_voc.models.loading import load_model
from ssl_voc.models.localizer import Localizer
from ssl_voc.models.momentum_teacher import MomentumTeacher
from ssl_voc.models.multi_crop_model import MultiCropModel
from ssl_voc.models.pretrained_weights import fingerprint
from ssl_voc.models.pseudo_labeler import PseudoLabeler
from ssl_voc.models.semi_supervised_model import SemiSupervisedModel
