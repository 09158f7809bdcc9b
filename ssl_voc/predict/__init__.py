"""Prediction by a finished run, an export or a server."""

from ssl_voc.predict.command import main as main
from ssl_voc.predict.command import predict as predict
from ssl_voc.predict.config import PredictConfig as PredictConfig
