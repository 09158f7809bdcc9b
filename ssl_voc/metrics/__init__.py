"""Measures of contrastive training and its features, of localization and detection."""

from ssl_voc.metrics.alignment_uniformity import Alignment, Uniformity
from ssl_voc.metrics.average_precision import (
    AveragePrecision,
    PrecisionRecallCurve,
    average_precision_by_group,
    score_matches,
    voc_average_precision,
    weighted_average_precision,
)
from ssl_voc.metrics.average_precision_bootstrap import bootstrap_average_precision
from ssl_voc.metrics.bootstrap import Interval, bootstrap_interval, paired_bootstrap
from ssl_voc.metrics.cell_measures import cell_match_gap, spatial_rank
from ssl_voc.metrics.coco_evaluation import coco_average_precision
from ssl_voc.metrics.contrastive_accuracy import ContrastiveAccuracy
from ssl_voc.metrics.detection_confusion import confusion_counts
from ssl_voc.metrics.detection_matching import Matches, match_detections
from ssl_voc.metrics.localization_measures import measure_images, top_k_hits
from ssl_voc.metrics.localization_metrics import LocalizationAccuracy, MeanBoxIoU
from ssl_voc.metrics.mixture_threshold import mixture_threshold
from ssl_voc.metrics.nearest_neighbors import knn_hits
from ssl_voc.metrics.projection_spread import ProjectionSpread
from ssl_voc.metrics.rank_me import effective_rank
from ssl_voc.metrics.wilson import wilson_interval
