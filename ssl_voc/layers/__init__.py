"""Augmentations on the accelerator, and the layers that models are made of."""

from ssl_voc.layers.detection_augmenter import DetectionAugmenter
from ssl_voc.layers.fused_batch_normalization import FusedBatchNormalization
from ssl_voc.layers.localization_augmenter import LocalizationAugmenter
from ssl_voc.layers.localization_head import LocalizationHead
from ssl_voc.layers.multi_crop_augmenter import MultiCropAugmenter
from ssl_voc.layers.overlapping_views_augmenter import OverlappingViewsAugmenter
from ssl_voc.layers.projection_head import ProjectionHead
from ssl_voc.layers.pseudo_labels import MainObjectPseudoLabels, ObjectPseudoLabels
from ssl_voc.layers.random_box_crop import RandomBoxCrop
from ssl_voc.layers.random_color_jitter import RandomColorJitter
from ssl_voc.layers.random_gaussian_blur import RandomGaussianBlur
from ssl_voc.layers.random_grayscale import RandomGrayscale
from ssl_voc.layers.random_horizontal_flip import RandomHorizontalFlip
from ssl_voc.layers.random_mosaic import RandomMosaic
from ssl_voc.layers.random_resized_crop import RandomResizedCrop
from ssl_voc.layers.random_solarize import RandomSolarize
from ssl_voc.layers.resampling import crop_and_resize
from ssl_voc.layers.silu import FusedSiLU
from ssl_voc.layers.simclr_augmenter import SimCLRAugmenter
from ssl_voc.layers.single_view_augmenter import SingleViewAugmenter
from ssl_voc.layers.view_audit import audit_views
