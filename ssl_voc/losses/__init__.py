"""Losses of pretraining and of boxes."""

from ssl_voc.losses.box_loss import BoxLoss
from ssl_voc.losses.byol_loss import BYOLLoss, byol
from ssl_voc.losses.dcl_loss import DCLLoss, dcl
from ssl_voc.losses.dense_contrast import dense_contrast
from ssl_voc.losses.distribution_focal_loss import DistributionFocalLoss
from ssl_voc.losses.iou_losses import CIoULoss, GIoULoss, ciou, giou
from ssl_voc.losses.nt_xent_loss import NTXentLoss, nt_xent
from ssl_voc.losses.similarity_distillation_loss import (
    SimilarityDistillationLoss,
    similarity_distillation,
)
from ssl_voc.losses.vicreg_loss import VICRegLoss, vicreg
