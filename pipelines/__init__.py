"""From files to uint8 batches: readers, decoding, the pool of unlabeled photos.

Knows nothing of models: pixels are `[0, 255]`, boxes are in pixels, order depends on
seed and epoch. tensorflow is imported only by what cannot do without it.
"""

from pipelines.cache import cache_folder
from pipelines.content import UnreadableImage
from pipelines.decoding import decode
from pipelines.perceptual_hashing import perceptual_hash
from pipelines.photo import Object, Photo, Photos, Problem, Skipped, main_object
from pipelines.pool import Pool
from pipelines.preparation import prepare
from pipelines.sources import read
from pipelines.unlabeled_batches import unlabeled

__all__ = [
    "Object",
    "Photo",
    "Photos",
    "Pool",
    "Problem",
    "Skipped",
    "UnreadableImage",
    "cache_folder",
    "decode",
    "main_object",
    "perceptual_hash",
    "prepare",
    "read",
    "unlabeled",
]
