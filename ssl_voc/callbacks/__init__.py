"""Callbacks for `fit`: seeds, probes, checkpoints, logs."""

from ssl_voc.callbacks.best_weights import BestWeights, load_best
from ssl_voc.callbacks.cell_probe import CellProbe
from ssl_voc.callbacks.checkpoint import Checkpoint, last_epoch, restore
from ssl_voc.callbacks.collapse_watch import CollapseWatch
from ssl_voc.callbacks.detection_probe import DetectionProbe
from ssl_voc.callbacks.epoch_seeds import EpochSeeds
from ssl_voc.callbacks.evaluated_weights import EvaluatedWeights
from ssl_voc.callbacks.feature_probe import FeatureProbe
from ssl_voc.callbacks.patience import Patience
from ssl_voc.callbacks.pseudo_label_probe import PseudoLabelProbe
from ssl_voc.callbacks.training_watch import TrainingWatch
