"""Random resized crops, one box an image."""

import math

import keras
from keras import ops

from ssl_voc.layers.random_layer import RandomLayer, check_range
from ssl_voc.layers.resampling import crop_and_resize


@keras.saving.register_keras_serializable(package="ssl_voc")
class RandomResizedCrop(RandomLayer):
    """Cuts a random box out of each image and resizes it to one size.

    The box's area is uniform in `area_range` times the image's, the logarithm of its
    aspect ratio (in pixels, width / height) uniform in `aspect_range`; a side that
    would not fit is cut to the image's. Every image draws its own box.

    Args:
        size: Side of the square result, in pixels.
        area_range: Smallest and largest share of the image's area, in `(0, 1]`.
        aspect_range: Smallest and largest width / height.
        seed: Optional integer or `keras.random.SeedGenerator`.

    Call arguments:
        images: Tensor `(batch, height, width, 3)` in `[0, 255]`, height and width
            known.

    Returns:
        Float tensor `(batch, size, size, 3)` in `[0, 255]`.

    Reference:
        - [Szegedy et al., 2014](https://arxiv.org/abs/1409.4842)
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709), appendix A
    """

    def __init__(
        self,
        size,
        area_range=(0.08, 1.0),
        aspect_range=(3 / 4, 4 / 3),
        seed=None,
        **kwargs,
    ):
        super().__init__(seed=seed, **kwargs)
        check_range("area_range", area_range, lowest=0.0, highest=1.0, open_low=True)
        check_range("aspect_range", aspect_range, lowest=0.0, open_low=True)
        if size < 1:
            raise ValueError(f"`size` must be at least 1 pixel. Received: size={size}")
        self.size = int(size)
        self.area_range = tuple(area_range)
        self.aspect_range = tuple(aspect_range)

    def draw_boxes(self, batch_size, height, width):
        """Draws a box for each image.

        Args:
            batch_size: Number of boxes, integer or scalar tensor.
            height: Height of the images in pixels.
            width: Width of the images in pixels.

        Returns:
            Float32 tensor `(batch_size, 4)`: x1, y1, x2, y2 as fractions of the
            image.
        """
        area = self.draw_uniform((batch_size,), *self.area_range)
        log_aspects = [math.log(aspect) for aspect in self.aspect_range]
        aspect = ops.exp(self.draw_uniform((batch_size,), *log_aspects))
        aspect = aspect * height / width  # of the fractions, no longer of pixels
        box_height = ops.minimum(ops.sqrt(area / aspect), 1.0)
        box_width = ops.minimum(ops.sqrt(area * aspect), 1.0)
        top = self.draw_uniform((batch_size,)) * (1.0 - box_height)
        left = self.draw_uniform((batch_size,)) * (1.0 - box_width)
        return ops.stack([left, top, left + box_width, top + box_height], axis=1)

    def compute_output_shape(self, images_shape):
        return (images_shape[0], self.size, self.size, images_shape[3])

    def augment(self, images):
        boxes_rel_xyxy = self.draw_boxes(ops.shape(images)[0], *images.shape[1:3])
        return self.cut(images, boxes_rel_xyxy)

    def cut(self, images, boxes_rel_xyxy):
        """Cuts the given boxes, of the form of `draw_boxes`, out of float images."""
        crops = crop_and_resize(images, boxes_rel_xyxy, (self.size, self.size))
        # Weights add up to 1 but for rounding: white would become 255.00002.
        return ops.clip(crops, 0.0, 255.0)
