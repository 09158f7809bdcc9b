"""Measures of contrastive training and of the features it leaves."""

from ssl_voc.metrics.alignment import Alignment as Alignment
from ssl_voc.metrics.contrastive_accuracy import (
    ContrastiveAccuracy as ContrastiveAccuracy,
)
from ssl_voc.metrics.nearest_neighbors import knn_accuracy as knn_accuracy
from ssl_voc.metrics.rank_me import effective_rank as effective_rank
from ssl_voc.metrics.uniformity import Uniformity as Uniformity
from ssl_voc.metrics.wilson import wilson_interval as wilson_interval
