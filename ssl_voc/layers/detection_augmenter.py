"""Random views of images with many labelled objects, whose boxes follow."""

import keras
from keras import ops

from ssl_voc.layers.box_motions import flags_of, pad_flags
from ssl_voc.layers.localization_augmenter import LocalizationAugmenter
from ssl_voc.layers.random_layer import check_rate
from ssl_voc.layers.random_mosaic import RandomMosaic

# Of a tile, which has half a side, in areas of the mosaic.
_AREA_OF_TILE = 0.25


@keras.saving.register_keras_serializable(package="ssl_voc")
class DetectionAugmenter(LocalizationAugmenter):
    """Tiles, crops, mirrors and recolors images of many objects; boxes follow.

    As `LocalizationAugmenter`, but for all objects of an image: zoom reaches further,
    a crop must show one object of the image, any of them, and a share `mosaic_rate` of
    the images is tiled with three others of the batch first, see `RandomMosaic`. Of
    mosaics, crops are a quarter of the area, so that objects are nearly as large as in
    photos. Tiling, crop and resize are one resampling of the original pixels.

    Images without objects are cropped anywhere and stay valid. While it augments with
    mosaics, the result always has `4 n` boxes an image, so none can be lost.

    Arguments and call arguments are those of `LocalizationAugmenter`, but for these.

    Args:
        area_range: Smallest and largest area of the crop, in areas of the image, or of
            a tile of a mosaic; above 1 it zooms out, onto black.
        min_main_share: Share of the area of one random object that a crop must show.
        mosaic_rate: Probability that an image becomes a mosaic; 0 for none.

    Returns:
        As `LocalizationAugmenter`, but of `(batch, 4 n)` boxes while training, unless
        `mosaic_rate` is 0.

    Reference:
        - [Bochkovskiy et al., 2020](https://arxiv.org/abs/2004.10934), section 3.3
    """

    main_object = "random"

    def __init__(
        self,
        image_size,
        area_range=(0.4, 1.6),
        *,
        mosaic_rate=0.5,
        **kwargs,
    ):
        super().__init__(image_size, area_range, **kwargs)
        check_rate("mosaic_rate", mosaic_rate)
        self.mosaic = RandomMosaic(mosaic_rate, seed=self.seed_generator)

    @property
    def mosaic_rate(self):
        """Probability that an image becomes a mosaic, in functions traced from now."""
        return self.mosaic.rate

    @mosaic_rate.setter
    def mosaic_rate(self, rate):
        check_rate("mosaic_rate", rate)
        self.mosaic.rate = rate

    def cut(self, inputs):
        if not self.mosaic_rate:
            return super().cut(inputs)
        images = inputs["images"]
        shape = tuple(images.shape[1:3])
        layout = self.mosaic.draw_layout(ops.shape(images)[0])
        placed = self.mosaic.place(inputs, layout)
        factor = ops.where(layout["is_mosaic"], _AREA_OF_TILE, 1.0)
        crops = self.crop.draw_crops(placed, *shape, factor)
        size = (self.image_size, self.image_size)
        bounding_boxes = self.crop.move(placed, crops, shape)
        return {
            "images": self.mosaic.cut(images, layout, crops, size),
            "bounding_boxes": bounding_boxes,
            **pad_flags(flags_of(placed), bounding_boxes["classes"]),
        }
