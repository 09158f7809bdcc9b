"""Optimizers that Keras does not have."""

from ssl_voc.optimizers.discriminative_adamw import DiscriminativeAdamW
from ssl_voc.optimizers.lars import LARS
from ssl_voc.optimizers.schedule import WarmUpAndDecay
