"""Random crops, or wider views, that keep an object of each image."""

import math

import keras
from keras import ops

from ssl_voc import boxes
from ssl_voc.layers.box_motions import boxes_in_crops, flags_of, keep_visible, pad_flags
from ssl_voc.layers.random_layer import RandomLayer, check_range, check_rate
from ssl_voc.layers.resampling import crop_and_resize, pixel_centers

MAIN_OBJECTS = ("largest", "random")


@keras.saving.register_keras_serializable(package="ssl_voc")
class RandomBoxCrop(RandomLayer):
    """Cuts a random part out of each image and resizes it; boxes follow.

    Size and shape of the crop are drawn as in `RandomResizedCrop`; areas above 1 zoom
    out, onto black. The place is uniform among those that show enough of the main
    object, the largest of the image that is not difficult, or any: along each axis the
    crop must hold the share `sqrt(min_main_share)` of its side, which gives an interval
    of places in closed form. Nothing is drawn again, so XLA compiles it and every draw
    counts. A crop too small for its object grows to the least that fits. An image
    without objects is cropped anywhere.

    Other objects are clipped at the border of the crop and dropped, to class -1, where
    less than `min_visible_share` of their area is left; difficult ones, where nothing
    is.

    Args:
        image_size: Side of the square result, in pixels.
        area_range: Smallest and largest area of the crop, in areas of the image.
        aspect_range: Smallest and largest width / height of the crop, in pixels of the
            image.
        min_main_share: Share of the main object's area that stays, in `[0, 1]`.
        min_visible_share: Share of its area below which an object is dropped; at most
            `min_main_share`, so that the main object never is.
        main_object: Which object of an image is the main one, of those that are not
            difficult where there are some: `"largest"`, or `"random"`, drawn anew each
            time, so that crops also show small objects from near.
        seed: Optional integer or `keras.random.SeedGenerator`.

    Call arguments:
        inputs: Dictionary as of `LocalizationAugmenter`.

    Returns:
        Dictionary of the same form; images are float.

    Reference:
        - [Liu et al., 2015](https://arxiv.org/abs/1512.02325), section 2.2, for crops
          and zooming out in detection
    """

    def __init__(
        self,
        image_size,
        area_range=(0.4, 1.3),
        aspect_range=(3 / 4, 4 / 3),
        min_main_share=0.7,
        min_visible_share=0.3,
        main_object="largest",
        seed=None,
        **kwargs,
    ):
        super().__init__(seed=seed, **kwargs)
        check_range("area_range", area_range, lowest=0.0, open_low=True)
        check_range("aspect_range", aspect_range, lowest=0.0, open_low=True)
        check_rate("min_main_share", min_main_share)
        check_rate("min_visible_share", min_visible_share)
        if min_visible_share > min_main_share:
            raise ValueError(
                "`min_visible_share` must not exceed `min_main_share`, or main objects "
                f"would be dropped. Received: min_visible_share={min_visible_share}, "
                f"min_main_share={min_main_share}"
            )
        if main_object not in MAIN_OBJECTS:
            raise ValueError(
                f"`main_object` must be one of {', '.join(MAIN_OBJECTS)}. "
                f"Received: main_object={main_object!r}"
            )
        if image_size < 1:
            raise ValueError(
                f"`image_size` must be at least 1 pixel. Received: {image_size}"
            )
        self.image_size = int(image_size)
        self.area_range = tuple(area_range)
        self.aspect_range = tuple(aspect_range)
        self.min_main_share = min_main_share
        self.min_visible_share = min_visible_share
        self.main_object = main_object

    def call(self, inputs):
        crops_rel_xyxy = self.draw_crops(inputs, *inputs["images"].shape[1:3])
        return self.cut(inputs, crops_rel_xyxy)

    def draw_crops(self, inputs, height, width, area_factor=1.0):
        """Draws a crop for each image.

        Args:
            inputs: Dictionary of `call`; its images play no part.
            height: Height of the images in pixels.
            width: Width of the images in pixels.
            area_factor: Number, or tensor `(batch,)`, which multiplies the areas that
                are drawn.

        Returns:
            Float32 tensor `(batch, 4)`: x1, y1, x2, y2 as shares of the image, below 0
            and above 1 where the crop is wider.
        """
        starts, ends, needed = self._main_objects(inputs, (height, width))
        batch_size = ops.shape(starts)[0]
        area = self.draw_uniform((batch_size,), *self.area_range) * area_factor
        log_aspects = [math.log(aspect) for aspect in self.aspect_range]
        aspect = ops.exp(self.draw_uniform((batch_size,), *log_aspects))
        aspect = aspect * height / width  # of the shares, no longer of pixels
        sides = ops.stack([ops.sqrt(area * aspect), ops.sqrt(area / aspect)], axis=1)
        # Without zooming out, a side longer than the image's is cut to it.
        sides = ops.minimum(sides, max(1.0, math.sqrt(self.area_range[1])))
        sides = ops.maximum(sides, needed)
        # Inside the image, or, where it is wider, around it.
        room = 1.0 - sides
        lowest = ops.maximum(starts + needed - sides, ops.minimum(room, 0.0))
        highest = ops.minimum(ends - needed, ops.maximum(room, 0.0))
        places = self.draw_uniform((batch_size, 2))
        places = lowest + places * (highest - lowest)
        return ops.concatenate([places, places + sides], axis=1)

    def cut(self, inputs, crops_rel_xyxy):
        """Cuts the given crops, of the form of `draw_crops`; boxes follow."""
        images = ops.cast(inputs["images"], self.compute_dtype)
        size = (self.image_size, self.image_size)
        bounding_boxes = self.move(inputs, crops_rel_xyxy, images.shape[1:3])
        # Weights add up to 1 but for rounding: white would become 255.00002.
        crops = ops.clip(crop_and_resize(images, crops_rel_xyxy, size), 0.0, 255.0)
        # Resampling lets the border of the image bleed; beyond it lies black.
        crops = ops.where(_pixels_inside(crops_rel_xyxy, size), crops, 0.0)
        flags = pad_flags(flags_of(inputs), bounding_boxes["classes"])
        return {"images": crops, "bounding_boxes": bounding_boxes, **flags}

    def move(self, inputs, crops_rel_xyxy, image_shape):
        """Moves boxes into the given crops, clips them and drops what is hidden.

        Args:
            inputs: Dictionary of `call`; its images play no part.
            crops_rel_xyxy: Crops, of the form of `draw_crops`.
            image_shape: Tuple `(height, width)` of the images, in pixels.

        Returns:
            Dictionary of `"boxes"` and `"classes"`, in pixels of the crops.
        """
        bounding_boxes = inputs["bounding_boxes"]
        size = (self.image_size, self.image_size)
        moved = boxes_in_crops(
            bounding_boxes["boxes"], crops_rel_xyxy, image_shape, size
        )
        moved, classes = keep_visible(
            moved,
            bounding_boxes["classes"],
            size,
            self.min_visible_share,
            inputs.get("difficult"),
        )
        return {"boxes": moved, "classes": classes}

    def _main_objects(self, inputs, image_shape):
        """Starts and ends `(batch, 2)` in x and y of each main object, as shares.

        And the length of it that a crop must hold; an image without objects is its own
        main object, of which nothing is needed. One that is difficult teaches nothing:
        it is a main object where there is no other.
        """
        bounding_boxes = inputs["bounding_boxes"]
        if bounding_boxes["classes"].shape[1] == 0:  # nothing to take the first of
            zeros = ops.zeros((ops.shape(bounding_boxes["classes"])[0], 2))
            return zeros, zeros + 1.0, zeros
        whole = boxes.clip_boxes(bounding_boxes["boxes"], image_shape)
        whole = boxes.convert_format(whole, "xyxy", "rel_xyxy", image_shape)
        exists = boxes.is_object(bounding_boxes["classes"])
        priorities = boxes.box_areas(whole)
        if self.main_object == "random":
            priorities = self.draw_uniform(ops.shape(priorities))
        if "difficult" in inputs:
            difficult = ops.cast(inputs["difficult"], priorities.dtype)
            priorities = priorities - 2.0 * difficult  # of at most 1
        first = ops.argmax(ops.where(exists, priorities, -3.0), axis=1)
        main = ops.take_along_axis(whole, first[:, None, None], axis=1)[:, 0]
        exists = ops.any(exists, axis=1)[:, None]
        starts = ops.where(exists, main[:, :2], 0.0)
        ends = ops.where(exists, main[:, 2:], 1.0)
        share = ops.where(exists, math.sqrt(self.min_main_share), 0.0)
        return starts, ends, share * (ends - starts)


def _pixels_inside(crops_rel_xyxy, size):
    """Bool tensor `(batch, height, width, 1)`: which pixels are of the image."""
    rows, columns = (
        pixel_centers(crops_rel_xyxy[:, axis], crops_rel_xyxy[:, axis + 2], length)
        for axis, length in ((1, size[0]), (0, size[1]))
    )
    rows, columns = (
        ops.logical_and(places > 0.0, places < 1.0) for places in (rows, columns)
    )
    return ops.logical_and(rows[:, :, None, None], columns[:, None, :, None])
