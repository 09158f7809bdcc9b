"""Class activation maps, their quality measures and their sanity check."""

from ssl_voc.heat_maps.grad_cam import METHODS, grad_cam
from ssl_voc.heat_maps.map_measures import (
    box_weights,
    cross_validated_iou,
    ious_at_thresholds,
    measure_map,
    rank_correlation,
)
from ssl_voc.heat_maps.perturbation import perturbed, removal_order
from ssl_voc.heat_maps.weight_randomization import (
    randomization_stages,
    randomized_correlations,
)
