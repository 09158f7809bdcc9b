"""Contrastive losses."""

from ssl_voc.losses.nt_xent_loss import NTXentLoss as NTXentLoss
from ssl_voc.losses.nt_xent_loss import chance_level as chance_level
from ssl_voc.losses.nt_xent_loss import nt_xent as nt_xent
