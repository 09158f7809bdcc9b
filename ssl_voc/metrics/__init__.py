"""Measures of contrastive training and its features, of localization and detection."""

from ssl_voc.metrics.alignment_uniformity import Alignment as Alignment
from ssl_voc.metrics.alignment_uniformity import Uniformity as Uniformity
from ssl_voc.metrics.average_precision import AveragePrecision as AveragePrecision
from ssl_voc.metrics.average_precision import (
    PrecisionRecallCurve as PrecisionRecallCurve,
)
from ssl_voc.metrics.average_precision import (
    average_precision_by_group as average_precision_by_group,
)
from ssl_voc.metrics.average_precision import score_matches as score_matches
from ssl_voc.metrics.average_precision import (
    voc_average_precision as voc_average_precision,
)
from ssl_voc.metrics.average_precision import (
    weighted_average_precision as weighted_average_precision,
)
from ssl_voc.metrics.average_precision_bootstrap import (
    AveragePrecisionIntervals as AveragePrecisionIntervals,
)
from ssl_voc.metrics.average_precision_bootstrap import (
    bootstrap_average_precision as bootstrap_average_precision,
)
from ssl_voc.metrics.average_precision_bootstrap import (
    paired_bootstrap_average_precision as paired_bootstrap_average_precision,
)
from ssl_voc.metrics.bootstrap import Interval as Interval
from ssl_voc.metrics.bootstrap import bootstrap_interval as bootstrap_interval
from ssl_voc.metrics.bootstrap import paired_bootstrap as paired_bootstrap
from ssl_voc.metrics.box_metrics import LocalizationAccuracy as LocalizationAccuracy
from ssl_voc.metrics.box_metrics import MeanBoxIoU as MeanBoxIoU
from ssl_voc.metrics.coco_evaluation import (
    coco_average_precision as coco_average_precision,
)
from ssl_voc.metrics.contrastive_accuracy import (
    ContrastiveAccuracy as ContrastiveAccuracy,
)
from ssl_voc.metrics.detection_confusion import confusion_counts as confusion_counts
from ssl_voc.metrics.detection_matching import Matches as Matches
from ssl_voc.metrics.detection_matching import (
    concatenate_matches as concatenate_matches,
)
from ssl_voc.metrics.detection_matching import match_detections as match_detections
from ssl_voc.metrics.localization_measures import measure_images as measure_images
from ssl_voc.metrics.localization_measures import top_k_hits as top_k_hits
from ssl_voc.metrics.nearest_neighbors import knn_hits as knn_hits
from ssl_voc.metrics.rank_me import effective_rank as effective_rank
from ssl_voc.metrics.streaming_average_precision import (
    VOCAveragePrecision as VOCAveragePrecision,
)
from ssl_voc.metrics.wilson import wilson_interval as wilson_interval
