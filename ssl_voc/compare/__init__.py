"""Comparison of two models by their evaluations, photo by photo."""

from ssl_voc.compare.command import compare, main
from ssl_voc.compare.config import CompareConfig
