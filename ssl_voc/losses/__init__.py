"""Losses of pretraining and of boxes."""

from ssl_voc.losses.box_loss import BoxLoss as BoxLoss
from ssl_voc.losses.ciou_loss import CIoULoss as CIoULoss
from ssl_voc.losses.ciou_loss import ciou as ciou
from ssl_voc.losses.giou_loss import GIoULoss as GIoULoss
from ssl_voc.losses.giou_loss import giou as giou
from ssl_voc.losses.nt_xent_loss import NTXentLoss as NTXentLoss
from ssl_voc.losses.nt_xent_loss import nt_xent as nt_xent
