"""Probe of the cells of feature maps after an epoch: rank and matches by place."""

import keras
import numpy as np
from keras import ops

from ssl_voc.layers.cell_matching import match_cells
from ssl_voc.layers.resampling import crop_and_resize
from ssl_voc.metrics.cell_measures import cell_match_gap, spatial_rank
from ssl_voc.models.batch_inference import predict_batches
from ssl_voc.models.pyramid import feature_levels

_STRIDE = 16
# Opposite corners, which have the middle of the photo in common.
_CROPS = ((0.0, 0.0, 0.75, 0.75), (0.25, 0.25, 1.0, 1.0))


class CellProbe(keras.callbacks.Callback):
    """Adds measures of dense features to the logs of an epoch.

    Long pretraining can go on to improve pooled features and harm those that say what
    lies where; accuracies of pooled features, such as k-NN, do not show it. Measured is
    the last feature map of stride 16, or the backbone's own where it has none, in
    inference mode, of two fixed crops of each photo without augmentation: its left
    upper and its right lower three quarters. Place it before callbacks that read the
    logs.

    - `spatial_rank`: see `ssl_voc.metrics.spatial_rank`, of the cells of each crop.
    - `cell_match_gap`: see `ssl_voc.metrics.cell_match_gap`, of the two crops.

    Args:
        backbone: Model from images in `[0, 255]` to feature maps.
        image_size: Side in pixels that crops are resized to.
        images: uint8 array `(num_photos, height, width, 3)`.
        batch_size: Number of crops in an inference batch.
        jit_compile: Whether inference is compiled by XLA.

    Reference:
        - [Dai et al., 2025](https://arxiv.org/abs/2510.17299), degradation of dense
          features
    """

    def __init__(self, backbone, image_size, images, batch_size=128, jit_compile=False):
        super().__init__()
        self.batch_size = batch_size
        self.crops = np.concatenate(
            [_cut(images, box, image_size) for box in _CROPS], axis=0
        )
        level = _level_of(backbone, image_size)
        self.extractor = keras.Model(backbone.input, level)
        self.extractor.compile(jit_compile=jit_compile)

    def measure(self):
        """Dictionary of both measures of the backbone as it is."""
        maps = predict_batches(self.extractor, self.crops, self.batch_size)
        maps = maps.astype("float32")
        maps_a, maps_b = np.split(maps, 2)
        upright = ops.zeros(1, dtype="bool")
        box_a, box_b = (ops.convert_to_tensor([box], "float32") for box in _CROPS)
        matches = match_cells(box_a, upright, box_b, upright, maps.shape[1:3])
        matches = np.repeat(ops.convert_to_numpy(matches), len(maps_a), axis=0)
        return {
            "spatial_rank": spatial_rank(maps),
            "cell_match_gap": cell_match_gap(maps_a, maps_b, matches),
        }

    def on_epoch_end(self, epoch, logs=None):
        """Adds `spatial_rank` and `cell_match_gap`."""
        if logs is not None:
            logs.update(self.measure())


def _cut(images, box_rel_xyxy, size):
    """The same crop of every image, uint8 `(num_images, size, size, 3)`."""
    boxes = np.tile(np.array([box_rel_xyxy], "float32"), (len(images), 1))
    crops = crop_and_resize(images.astype("float32"), boxes, (size, size))
    return np.clip(np.round(ops.convert_to_numpy(crops)), 0, 255).astype("uint8")


def _level_of(backbone, image_size):
    """Output of a backbone at stride 16, or its last one."""
    try:
        return feature_levels(backbone, [_STRIDE], image_size).outputs[0]
    except ValueError:  # a shallow network, or one of other strides
        return backbone.output
