"""Backbones by family, known by name without Keras."""

from ssl_voc.backbone_families.families import (
    FAMILIES,
    KERAS_CV,
    TEACHER_PRESETS,
    BackboneFamily,
    family_of,
)
from ssl_voc.backbone_families.keras_cv_sizes import KERAS_CV_SIZES
