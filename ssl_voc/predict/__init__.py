"""Prediction by a finished run, an export or a server."""

from ssl_voc.predict.command import main, predict
from ssl_voc.predict.config import PredictConfig
