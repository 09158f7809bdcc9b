"""One random view of every image, to learn from its label."""

import keras
from keras import ops

from ssl_voc.layers.random_layer import check_images
from ssl_voc.layers.random_view import RandomView
from ssl_voc.layers.resampling import resize_images


@keras.saving.register_keras_serializable(package="ssl_voc")
class SingleViewAugmenter(RandomView):
    """Draws one view of every image, of the kind that `SimCLRAugmenter` draws two of.

    Unlike the contrastive augmentations this one obeys `training`: at inference it
    resizes the whole image. Arguments are those of `SimCLRAugmenter`.

    Call arguments:
        images: Tensor `(batch, height, width, 3)` in `[0, 255]`, uint8 or float, height
            and width known.
        training: Whether to draw a view.

    Returns:
        Float tensor `(batch, image_size, image_size, 3)` in `[0, 255]`.

    Example:

    >>> augmenter = ssl_voc.layers.SingleViewAugmenter(image_size=96, seed=0)
    >>> augmenter(photos, training=True).shape  # photos: (64, 112, 112, 3)
    (64, 96, 96, 3)
    """

    def call(self, images, training=False):
        check_images(images)
        images = ops.cast(images, self.compute_dtype)
        return self.draw(images)[0] if training else self.resize(images)

    def resize(self, images):
        """The whole images at `image_size`, antialiased."""
        return resize_images(images, (self.image_size, self.image_size))

    def compute_output_spec(self, images, training=False):
        shape = (images.shape[0], self.image_size, self.image_size, 3)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)
