"""Mosaics of four images and their boxes."""

import keras
from keras import ops

from ssl_voc import boxes
from ssl_voc.layers.box_motions import boxes_in_tiles, flags_of, pad_boxes, pad_flags
from ssl_voc.layers.random_layer import RandomLayer, check_range, check_rate
from ssl_voc.layers.resampling import (
    pixel_centers,
    resample,
    resampling_weights,
    whole_images,
)

NUM_TILES = 4


@keras.saving.register_keras_serializable(package="ssl_voc")
class RandomMosaic(RandomLayer):
    """Tiles a random share of the images with three others of their batch.

    Each image draws whether it becomes a mosaic and where its tiles meet. Its own tile
    is the upper left one; the others show those that follow it in an order of the batch
    which every batch draws anew (in a batch of fewer than four, images come twice).
    A tile shows the whole image, so no box is lost or cut, and none has to be: the
    result always has four times as many boxes, of which a single image leaves three
    quarters as padding.

    Args:
        rate: Probability that an image becomes a mosaic.
        center_range: Smallest and largest place of the point where the tiles meet, as a
            share of the width and of the height, in `(0, 1)`. Tiles are stretched: at
            0.4 and 0.6 a side is up to 1.5 times too long for the other.
        seed: Optional integer or `keras.random.SeedGenerator`.

    Call arguments:
        inputs: Dictionary as of `LocalizationAugmenter`.

    Returns:
        Dictionary of the same form; images are float, of the same size, and there are
        `4 n` boxes an image.

    Reference:
        - [Bochkovskiy et al., 2020](https://arxiv.org/abs/2004.10934), section 3.3
    """

    def __init__(self, rate=0.5, center_range=(0.4, 0.6), seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        check_rate("rate", rate)
        check_range("center_range", center_range, lowest=0.0, highest=1.0)
        if center_range[0] == 0.0 or center_range[1] == 1.0:
            raise ValueError(
                "`center_range` must lie in (0, 1): at its ends a tile has no area. "
                f"Received: center_range={center_range}"
            )
        self.rate = rate
        self.center_range = tuple(center_range)

    def build(self, inputs_shape):
        pass  # There are no weights.

    def call(self, inputs):
        images = inputs["images"]
        layout = self.draw_layout(ops.shape(images)[0])
        whole = whole_images(ops.shape(images)[0])
        tiled = self.cut(images, layout, whole, tuple(images.shape[1:3]))
        return {"images": tiled, **self.place(inputs, layout)}

    def draw_layout(self, batch_size):
        """Draws which images meet, and where.

        Args:
            batch_size: Number of images, integer or scalar tensor.

        Returns:
            Dictionary of `"members"`, int32 `(batch_size, 4)`: indices into the batch
            of the upper left image, which is the image itself, of the upper right,
            lower left and lower right one; `"centers"`, float32 `(batch_size, 2)`: x
            and y of the point where they meet, as shares of the image; and
            `"is_mosaic"`, bool `(batch_size,)`. The center of an image that stays
            single is its lower right corner.
        """
        is_mosaic = self.draw_uniform((batch_size,)) < self.rate
        centers = self.draw_uniform((batch_size, 2), *self.center_range)
        centers = ops.where(is_mosaic[:, None], centers, 1.0)
        order = ops.cast(ops.argsort(self.draw_uniform((batch_size,))), "int32")
        ranks = ops.cast(ops.argsort(order), "int32")
        members = [
            ops.take(order, ops.mod(ranks + step, batch_size), axis=0)
            for step in range(NUM_TILES)
        ]
        return {
            "members": ops.stack(members, axis=1),
            "centers": centers,
            "is_mosaic": is_mosaic,
        }

    def place(self, inputs, layout):
        """Moves the boxes of the images into their tiles.

        Args:
            inputs: Dictionary of `call`.
            layout: Dictionary of `draw_layout`.

        Returns:
            Dictionary of `"bounding_boxes"`, in pixels of images of the same size, and
            of the flags in `inputs`; `(batch, 4 n)`, those of a tile in a row.
        """
        shape = tuple(inputs["images"].shape[1:3])
        flags = flags_of(inputs)
        parts = {name: [] for name in ("boxes", "classes", *flags)}
        for tile in range(NUM_TILES):
            members = layout["members"][:, tile]
            classes = ops.take(inputs["bounding_boxes"]["classes"], members, axis=0)
            if tile > 0:
                padding = ops.full_like(classes, int(boxes.PADDING))
                classes = ops.where(layout["is_mosaic"][:, None], classes, padding)
            moved = boxes_in_tiles(
                ops.take(inputs["bounding_boxes"]["boxes"], members, axis=0),
                _tile(layout["centers"], tile),
                shape,
            )
            parts["boxes"].append(pad_boxes(moved, classes))
            parts["classes"].append(classes)
            taken = {
                name: ops.take(values, members, axis=0)
                for name, values in flags.items()
            }
            for name, values in pad_flags(taken, classes).items():
                parts[name].append(values)
        joined = {name: ops.concatenate(part, axis=1) for name, part in parts.items()}
        bounding_boxes = {name: joined.pop(name) for name in ("boxes", "classes")}
        return {"bounding_boxes": bounding_boxes, **joined}

    def cut(self, images, layout, crops_rel_xyxy, size):
        """Cuts crops out of mosaics, and resizes them, in one pass over the pixels.

        The images are laid side by side at their full resolution; tiling, cropping and
        resizing are then one resampling, whose weights stop where the tiles meet.

        Args:
            images: Tensor `(batch, height, width, 3)` in `[0, 255]`.
            layout: Dictionary of `draw_layout`.
            crops_rel_xyxy: Float tensor `(batch, 4)`: the crops, as shares of the
                mosaics; what is beyond them is black.
            size: Tuple `(height, width)` of the result, in pixels.

        Returns:
            Float tensor `(batch, *size, 3)` in `[0, 255]`.
        """
        height, width = images.shape[1:3]
        images = ops.convert_to_tensor(images)
        tiles = [
            ops.take(images, layout["members"][:, tile], axis=0)
            for tile in range(NUM_TILES)
        ]
        rows_of_tiles = [ops.concatenate(pair, 2) for pair in (tiles[:2], tiles[2:])]
        side_by_side = ops.concatenate(rows_of_tiles, axis=1)
        weights = [
            _weights_of_two(
                layout["centers"][:, axis],
                crops_rel_xyxy[:, axis],
                crops_rel_xyxy[:, axis + 2],
                length,
                size[1 - axis],
            )
            for axis, length in ((1, height), (0, width))
        ]
        side_by_side = ops.cast(side_by_side, self.compute_dtype)
        # Weights add up to 1 but for rounding: white would become 255.00002.
        return ops.clip(resample(side_by_side, *weights), 0.0, 255.0)


def _tile(centers, tile):
    """Corners `(batch, 4)` of a tile, 0 to 3, as shares of the mosaic."""
    along_x, along_y = (
        (centers[:, axis], ops.ones_like(centers[:, axis]))
        if second
        else (ops.zeros_like(centers[:, axis]), centers[:, axis])
        for axis, second in enumerate((tile % 2, tile // 2))
    )
    return ops.stack([along_x[0], along_y[0], along_x[1], along_y[1]], axis=1)


def _weights_of_two(centers, starts, ends, length, out_length):
    """Weights along one axis of two images of `length` pixels that meet at `centers`.

    Arguments are those of `resampling_weights`, but shares of the mosaic.

    Returns:
        Float tensor `(batch, out_length, 2 * length)`; 0 for results that are beyond
        the mosaic.
    """
    places = pixel_centers(starts, ends, out_length)
    first = resampling_weights(starts / centers, ends / centers, length, out_length)
    seen = ops.logical_and(places > 0.0, places < centers[:, None])
    first = ops.where(seen[..., None], first, 0.0)
    rest = 1.0 - centers
    rest = ops.where(rest > 0.0, rest, 1.0)  # A single image has no second one.
    second = resampling_weights(
        (starts - centers) / rest, (ends - centers) / rest, length, out_length
    )
    seen = ops.logical_and(places >= centers[:, None], places < 1.0)
    second = ops.where(seen[..., None], second, 0.0)
    return ops.concatenate([first, second], axis=-1)
