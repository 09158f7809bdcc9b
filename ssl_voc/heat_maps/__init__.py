"""Class activation maps, their quality measures and their sanity check."""

from ssl_voc.heat_maps.class_activation import METHODS as METHODS
from ssl_voc.heat_maps.class_activation import grad_cam as grad_cam
from ssl_voc.heat_maps.map_measures import box_weights as box_weights
from ssl_voc.heat_maps.map_measures import cross_validated_iou as cross_validated_iou
from ssl_voc.heat_maps.map_measures import ious_at_thresholds as ious_at_thresholds
from ssl_voc.heat_maps.map_measures import measure_map as measure_map
from ssl_voc.heat_maps.map_measures import rank_correlation as rank_correlation
from ssl_voc.heat_maps.perturbation import area_under_curve as area_under_curve
from ssl_voc.heat_maps.perturbation import perturbed as perturbed
from ssl_voc.heat_maps.perturbation import removal_order as removal_order
from ssl_voc.heat_maps.weight_randomization import (
    randomized_correlations as randomized_correlations,
)
