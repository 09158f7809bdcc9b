"""Optimizers that Keras does not have."""

from ssl_voc.optimizers.lars import LARS as LARS
