"""Random views of images with many labelled objects, whose boxes follow."""

import keras
from keras import ops

from ssl_voc.layers.box_motions import flags_of, pad_flags
from ssl_voc.layers.localization_augmenter import LocalizationAugmenter
from ssl_voc.layers.random_box_crop import cropped_spec
from ssl_voc.layers.random_layer import check_rate
from ssl_voc.layers.random_mosaic import NUM_TILES, RandomMosaic

# Tiles have half a side: objects of mosaics shall be smaller, but not by half.
_AREA_OF_MOSAIC = 0.5


@keras.saving.register_keras_serializable(package="ssl_voc")
class DetectionAugmenter(LocalizationAugmenter):
    """Tiles, crops, mirrors and recolors images of many objects; boxes follow.

    As `LocalizationAugmenter`, but for all objects of an image: zoom reaches further,
    a crop must show one object of the image, any of them, and a share `mosaic_rate` of
    the images is tiled with three others of the batch first, see `RandomMosaic`. Of
    mosaics, crops are half the area, so that their objects appear 1.4 times, not twice,
    as small. Tiling, crop and resize are one resampling of the original pixels.

    Images without objects are cropped anywhere and stay valid. While it augments with
    mosaics, the result always has `4 n` boxes an image, so none can be lost.

    Args:
        image_size: Side of the square results, in pixels.
        area_range: Smallest and largest area of the crop, in areas of the image, half
            of it in areas of a mosaic; above 1 it zooms out, onto black.
        aspect_range: Smallest and largest width / height of a crop.
        flip_rate: Probability that an image is mirrored.
        color_strength: Strength of the color jitter: 0.8 of it for brightness, contrast
            and saturation, 0.2 for hue; 0 for none.
        color_rate: Probability of color jitter.
        grayscale_rate: Probability of a gray image.
        min_main_share: Share of the area of one random object that a crop must show.
        min_visible_share: Share of its area below which an object is dropped.
        mosaic_rate: Probability that an image becomes a mosaic; 0 for none.
        seed: Optional integer, for reproducible draws.

    Call arguments:
        inputs: Dictionary as of `LocalizationAugmenter`.
        training: Whether to augment.

    Returns:
        Dictionary of the same form; images are float, in `[0, 255]`, of
        `(batch, image_size, image_size, 3)`, and boxes `(batch, 4 n, 4)` in their
        pixels, `(batch, n, 4)` where `training` or `mosaic_rate` is 0.

    Example:

    >>> augmenter = ssl_voc.layers.DetectionAugmenter(image_size=160, seed=0)
    >>> batch = augmenter({"images": photos, "bounding_boxes": boxes}, training=True)

    Reference:
        - [Liu et al., 2015](https://arxiv.org/abs/1512.02325), section 2.2
        - [Bochkovskiy et al., 2020](https://arxiv.org/abs/2004.10934), section 3.3
    """

    main_object = "random"

    def __init__(
        self,
        image_size,
        area_range=(0.25, 2.0),
        aspect_range=(3 / 4, 4 / 3),
        flip_rate=0.5,
        color_strength=0.5,
        color_rate=0.8,
        grayscale_rate=0.1,
        min_main_share=0.7,
        min_visible_share=0.3,
        mosaic_rate=0.5,
        seed=None,
        **kwargs,
    ):
        super().__init__(
            image_size,
            area_range,
            aspect_range,
            flip_rate,
            color_strength,
            color_rate,
            grayscale_rate,
            min_main_share,
            min_visible_share,
            seed=seed,
            **kwargs,
        )
        check_rate("mosaic_rate", mosaic_rate)
        self.mosaic_rate = mosaic_rate
        self.mosaic = RandomMosaic(mosaic_rate, seed=self.seed_generator)

    def cut(self, inputs):
        if not self.mosaic_rate:
            return super().cut(inputs)
        images = inputs["images"]
        shape = tuple(images.shape[1:3])
        layout = self.mosaic.draw_layout(ops.shape(images)[0])
        placed = self.mosaic.place(inputs, layout)
        factor = ops.where(layout["is_mosaic"], _AREA_OF_MOSAIC, 1.0)
        crops = self.crop.draw_crops(placed["bounding_boxes"], *shape, factor)
        size = (self.image_size, self.image_size)
        bounding_boxes = self.crop.move(placed["bounding_boxes"], crops, shape)
        return {
            "images": self.mosaic.cut(images, layout, crops, size),
            "bounding_boxes": bounding_boxes,
            **pad_flags(flags_of(placed), bounding_boxes["classes"]),
        }

    def compute_output_spec(self, inputs, training=False):
        size = (self.image_size, self.image_size)
        growth = NUM_TILES if training and self.mosaic_rate else 1
        return cropped_spec(inputs, size, self.compute_dtype, growth)

    def get_config(self):
        return {**super().get_config(), "mosaic_rate": self.mosaic_rate}
