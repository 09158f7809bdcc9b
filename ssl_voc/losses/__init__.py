"""Losses of pretraining and of boxes."""

from ssl_voc.losses.box_loss import BoxLoss
from ssl_voc.losses.ciou_loss import CIoULoss, ciou
from ssl_voc.losses.giou_loss import GIoULoss, giou
from ssl_voc.losses.nt_xent_loss import NTXentLoss, nt_xent
