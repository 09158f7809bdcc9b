"""Anchors: the boxes of fixed place and size that a detector starts from."""

import itertools
import math

import keras
import numpy as np

from ssl_voc.boxes import box_ious
from ssl_voc.layers.constructor_arguments import constructor_arguments

DEFAULT_SCALES = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
DEFAULT_ASPECT_RATIOS = (0.5, 1.0, 2.0)
# What `fitted_to` tries: sizes in strides, and shapes beside the default ones.
_SIZES_IN_STRIDES = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
_SHAPE_QUANTILES = ((0.1, 0.5, 0.9), (0.2, 0.5, 0.8))
# More boxes would not change the choice, only take longer.
_MOST_BOXES = 1_000
# Shapes closer than this are one.
_LEAST_RATIO = 1.15


@keras.saving.register_keras_serializable(package="ssl_voc")
class AnchorGrid:
    """Boxes of several sizes and shapes around every cell of a feature pyramid.

    The order is that of KerasCV's `AnchorGenerator`: level by level, row by row, cell
    by cell, and within a cell by scale, then by aspect ratio.

    Args:
        sizes: Side in pixels of the square anchor of each level, finest level first.
        strides: Pixels from cell to cell of each level.
        scales: Factors to `sizes`, the same at every level.
        aspect_ratios: Widths / heights; the area is kept.

    Reference:
        - [Lin et al., 2017](https://arxiv.org/abs/1708.02002), section 4
    """

    def __init__(
        self,
        sizes=(32.0, 64.0, 128.0, 256.0, 512.0),
        strides=(8, 16, 32, 64, 128),
        scales=DEFAULT_SCALES,
        aspect_ratios=DEFAULT_ASPECT_RATIOS,
    ):
        if len(sizes) != len(strides):
            raise ValueError(
                "`sizes` and `strides` must have a member for each level. Received: "
                f"sizes={sizes}, strides={strides}"
            )
        for name, values in (
            ("sizes", sizes),
            ("strides", strides),
            ("scales", scales),
            ("aspect_ratios", aspect_ratios),
        ):
            if not len(values) or not all(value > 0 for value in values):
                raise ValueError(
                    f"`{name}` must be positive numbers, at least one. "
                    f"Received: {values}"
                )
        self.sizes = tuple(float(size) for size in sizes)
        self.strides = tuple(int(stride) for stride in strides)
        self.scales = tuple(float(scale) for scale in scales)
        self.aspect_ratios = tuple(float(ratio) for ratio in aspect_ratios)

    @property
    def num_per_cell(self):
        """Number of anchors around each cell."""
        return len(self.scales) * len(self.aspect_ratios)

    def level_shape(self, image_shape, level):
        """Rows and columns of a level: the image's sides by its stride, rounded up."""
        return tuple(-(-side // self.strides[level]) for side in image_shape)

    def boxes(self, image_shape):
        """All anchors of an image.

        Args:
            image_shape: `(height, width)` in pixels.

        Returns:
            float32 array `(num_anchors, 4)`, xyxy in pixels; anchors may reach beyond
            the image.
        """
        ratios = np.sqrt(self.aspect_ratios)
        levels = []
        for level, (size, stride) in enumerate(
            zip(self.sizes, self.strides, strict=True)
        ):
            sides = np.multiply.outer(size * np.array(self.scales), ratios).ravel()
            heights = np.divide.outer(size * np.array(self.scales), ratios).ravel()
            halves = np.stack([sides, heights], axis=-1) / 2  # (per cell, 2)
            rows, columns = self.level_shape(image_shape, level)
            x, y = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
            centers = stride * np.stack([x, y], axis=-1)[:, :, None]
            corners = np.concatenate([centers - halves, centers + halves], axis=-1)
            levels.append(corners.reshape(-1, 4))
        return np.concatenate(levels).astype("float32")

    def best_ious(self, boxes, image_shape):
        """IoU of each box with the anchor that fits it best.

        Args:
            boxes: Array `(num_boxes, 4)`, xyxy in pixels of the image.
            image_shape: `(height, width)` in pixels.

        Returns:
            float64 array `(num_boxes,)`.
        """
        boxes = np.asarray(boxes, "float64").reshape(-1, 4)
        anchors = self.boxes(image_shape)
        best = np.empty(len(boxes))
        for start in range(0, len(boxes), 100):  # a matrix of all takes gigabytes
            part = slice(start, start + 100)
            best[part] = box_ious(boxes[part, None], anchors).max(axis=1)
        return best

    @classmethod
    def fitted_to(cls, boxes, image_shape, strides=(8, 16, 32, 64, 128), seed=0):
        """Chooses sizes and shapes by which the most boxes have an anchor of IoU 0.5.

        Default anchors are made for images of 500 pixels and more: in small ones small
        objects have none that fits.

        Args:
            boxes: Array `(num_boxes, 4)`, xyxy in pixels of the image as the detector
                sees it; of the training photos.
            image_shape: `(height, width)` in pixels.
            strides: Strides of the pyramid's levels.
            seed: Seed of the sample where there are very many boxes.

        Returns:
            `AnchorGrid`; of equally good ones, that of the larger mean IoU.
        """
        boxes = np.asarray(boxes, "float64").reshape(-1, 4)
        boxes = boxes[np.all(boxes[:, 2:] > boxes[:, :2], axis=1)]
        if not len(boxes):
            raise ValueError(
                "Anchors are fitted to at least one box with an area. Received: none"
            )
        if len(boxes) > _MOST_BOXES:
            draw = np.random.default_rng(seed)
            boxes = boxes[draw.choice(len(boxes), _MOST_BOXES, replace=False)]
        sides = boxes[:, 2:] - boxes[:, :2]
        shapes = [DEFAULT_ASPECT_RATIOS]
        for quantiles in _SHAPE_QUANTILES:
            found = np.exp(np.quantile(np.log(sides[:, 0] / sides[:, 1]), quantiles))
            shapes.append(_spread(found))
        candidates = [
            cls([factor * stride for stride in strides], strides, aspect_ratios=shape)
            for factor, shape in itertools.product(_SIZES_IN_STRIDES, shapes)
        ]

        def quality(grid):
            ious = grid.best_ious(boxes, image_shape)
            return np.mean(ious >= 0.5), np.mean(ious)

        return max(candidates, key=quality)

    def get_config(self):
        return constructor_arguments(self)

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        rounded = {
            name: [round(value, 2) for value in values]
            for name, values in self.get_config().items()
        }
        return f"AnchorGrid({', '.join(f'{k}={v}' for k, v in rounded.items())})"


def _spread(ratios):
    """Rounded ratios, pushed apart so that none is nearly another's double."""
    low, middle, high = ratios
    low = min(low, middle / _LEAST_RATIO)
    high = max(high, middle * _LEAST_RATIO)
    return tuple(float(f"{math.exp(math.log(r)):.3g}") for r in (low, middle, high))
