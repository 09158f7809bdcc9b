"""Callbacks for `fit`: seeds, probes, checkpoints, logs."""

from ssl_voc.callbacks.best_weights import BestWeights as BestWeights
from ssl_voc.callbacks.best_weights import load_best as load_best
from ssl_voc.callbacks.checkpoint import Checkpoint as Checkpoint
from ssl_voc.callbacks.checkpoint import last_epoch as last_epoch
from ssl_voc.callbacks.checkpoint import restore as restore
from ssl_voc.callbacks.detection_probe import DetectionProbe as DetectionProbe
from ssl_voc.callbacks.epoch_seeds import EpochSeeds as EpochSeeds
from ssl_voc.callbacks.feature_probe import FeatureProbe as FeatureProbe
from ssl_voc.callbacks.training_watch import TrainingWatch as TrainingWatch
