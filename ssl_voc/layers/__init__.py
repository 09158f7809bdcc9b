"""Augmentations on the accelerator, and the layers that models are made of."""

from ssl_voc.layers.anchor_grid import AnchorGrid as AnchorGrid
from ssl_voc.layers.detection_augmenter import DetectionAugmenter as DetectionAugmenter
from ssl_voc.layers.fused_batch_normalization import (
    FusedBatchNormalization as FusedBatchNormalization,
)
from ssl_voc.layers.localization_augmenter import (
    LocalizationAugmenter as LocalizationAugmenter,
)
from ssl_voc.layers.localization_head import LocalizationHead as LocalizationHead
from ssl_voc.layers.projection_head import ProjectionHead as ProjectionHead
from ssl_voc.layers.random_box_crop import RandomBoxCrop as RandomBoxCrop
from ssl_voc.layers.random_color_jitter import RandomColorJitter as RandomColorJitter
from ssl_voc.layers.random_gaussian_blur import RandomGaussianBlur as RandomGaussianBlur
from ssl_voc.layers.random_grayscale import RandomGrayscale as RandomGrayscale
from ssl_voc.layers.random_horizontal_flip import (
    RandomHorizontalFlip as RandomHorizontalFlip,
)
from ssl_voc.layers.random_mosaic import RandomMosaic as RandomMosaic
from ssl_voc.layers.random_resized_crop import RandomResizedCrop as RandomResizedCrop
from ssl_voc.layers.random_solarize import RandomSolarize as RandomSolarize
from ssl_voc.layers.resampling import crop_and_resize as crop_and_resize
from ssl_voc.layers.simclr_augmenter import SimCLRAugmenter as SimCLRAugmenter
from ssl_voc.layers.single_view_augmenter import (
    SingleViewAugmenter as SingleViewAugmenter,
)
from ssl_voc.layers.view_audit import audit_views as audit_views
