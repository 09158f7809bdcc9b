"""Readers of photos and boxes, decoding, and pools of uint8 batches.

Knows nothing of models: pixels are `[0, 255]`, boxes are in pixels, order depends on
seed and epoch. tensorflow is imported only by what cannot do without it.
"""

from pipelines.cache.cache_folder import cache_folder
from pipelines.images.decoding import decode
from pipelines.images.letterboxing import (
    boxes_from_letterbox,
    boxes_to_letterbox,
    letterbox,
    letterboxed_size,
)
from pipelines.images.near_duplicates import find_near_duplicates
from pipelines.images.perceptual_hashing import perceptual_hash
from pipelines.photos.content import UnreadableImage
from pipelines.photos.label_subsets import label_subset
from pipelines.photos.photo import Object, Photo, Photos, Problem, main_object
from pipelines.photos.photo_tables import (
    join_photo_tables,
    photo_table,
    problem_table,
    read_photo_table,
    select_photos,
)
from pipelines.photos.varied_choice import choose_varied
from pipelines.pools.batches import detection, localization, unlabeled
from pipelines.pools.class_balance import repeat_factors, repeat_factors_of_classes
from pipelines.pools.pool import Pool
from pipelines.pools.preparation import prepare, prepare_labeled
from pipelines.readers.sources import read, splits
from pipelines.readers.training_splits import (
    read_labeled,
    read_training,
    split_validation,
)
from pipelines.reports.data_report import DataReport, report_data
from pipelines.reports.leakage import find_leakage
from pipelines.reports.set_report import report_set

__all__ = [
    "DataReport",
    "Object",
    "Photo",
    "Photos",
    "Pool",
    "Problem",
    "UnreadableImage",
    "boxes_from_letterbox",
    "boxes_to_letterbox",
    "cache_folder",
    "decode",
    "detection",
    "find_leakage",
    "find_near_duplicates",
    "join_photo_tables",
    "label_subset",
    "letterbox",
    "letterboxed_size",
    "localization",
    "choose_varied",
    "main_object",
    "perceptual_hash",
    "photo_table",
    "prepare",
    "prepare_labeled",
    "problem_table",
    "read",
    "read_labeled",
    "read_photo_table",
    "read_training",
    "repeat_factors",
    "repeat_factors_of_classes",
    "report_data",
    "report_set",
    "select_photos",
    "split_validation",
    "splits",
    "unlabeled",
]
