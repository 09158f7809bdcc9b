"""Probe of features after an epoch: k-NN accuracy and effective rank."""

import keras
import numpy as np

from ssl_voc.layers.single_view_augmenter import SingleViewAugmenter
from ssl_voc.metrics.nearest_neighbors import knn_hits
from ssl_voc.metrics.rank_me import effective_rank
from ssl_voc.models.batch_inference import predict_batches


class FeatureProbe(keras.callbacks.Callback):
    """Adds effective rank and nearest-neighbor accuracy to the logs of an epoch.

    Features are pooled outputs of `backbone` in inference mode, of whole images
    without augmentation, resized to `image_size`. Place it before callbacks that read
    the logs.

    Args:
        backbone: Model from images in `[0, 255]` to feature maps.
        image_size: Side in pixels that images are resized to.
        rank_images: uint8 array `(num_images, height, width, 3)` whose effective rank
            is measured after every epoch.
        knn_images: Optional uint8 array `(num_images, height, width, 3)`.
        knn_labels: Integer array `(num_images,)`. The first half of the images is the
            bank, the second half the queries: shuffle them before.
        knn_epochs: Epochs, counted from 1, after which k-NN accuracy is measured.
        batch_size: Number of images in an inference batch.
        jit_compile: Whether inference is compiled by XLA.

    Attributes:
        hits: Tuple of the last epoch, from 1, whose neighbors were asked, and of the
            bool array `(num_queries,)` of those told right; None before.
    """

    def __init__(
        self,
        backbone,
        image_size,
        rank_images,
        knn_images=None,
        knn_labels=None,
        knn_epochs=(),
        batch_size=128,
        jit_compile=False,
    ):
        super().__init__()
        self.rank_images = rank_images
        self.knn_images = knn_images
        self.knn_labels = knn_labels
        self.knn_epochs = frozenset(knn_epochs)
        self.batch_size = batch_size
        self.hits = None
        self.extractor = keras.Sequential(
            [
                keras.Input(rank_images.shape[1:]),
                # In inference a resizing, which XLA can compile: Keras' antialiased one
                # has no XLA kernel. A seed of its own leaves the others as they are.
                SingleViewAugmenter(image_size, seed=0, dtype="float32"),
                backbone,
                keras.layers.GlobalAveragePooling2D(dtype="float32"),
            ]
        )
        self.extractor.compile(jit_compile=jit_compile)

    @property
    def num_queries(self):
        """Number of images that k-NN accuracy is measured on."""
        return 0 if self.knn_labels is None else len(self.knn_labels) // 2

    @property
    def majority_share(self):
        """Accuracy on the queries of always answering the bank's majority class."""
        bank, queries = np.split(self.knn_labels, [self._num_bank])
        return float(np.mean(queries == np.bincount(bank).argmax()))

    def measure_rank(self):
        """Effective rank of the features of `rank_images`."""
        return effective_rank(self._features(self.rank_images))

    def measure_hits(self):
        """Which queries 20 nearest neighbors tell right, bool `(num_queries,)`."""
        features = self._features(self.knn_images)
        bank, queries = np.split(features, [self._num_bank])
        bank_labels, query_labels = np.split(self.knn_labels, [self._num_bank])
        return knn_hits(bank, bank_labels, queries, query_labels)

    def on_epoch_end(self, epoch, logs=None):
        """Adds `effective_rank`, and `knn_top1` after the epochs asked for."""
        logs = {} if logs is None else logs
        logs["effective_rank"] = self.measure_rank()
        if self.num_queries and epoch + 1 in self.knn_epochs:
            self.hits = epoch + 1, self.measure_hits()
            logs["knn_top1"] = float(np.mean(self.hits[1]))

    @property
    def _num_bank(self):
        return len(self.knn_labels) - self.num_queries

    def _features(self, images):
        return predict_batches(self.extractor, images, self.batch_size)
