"""Two global views of every image and several local ones at half the size."""

import keras
from keras import ops

from ssl_voc.layers.random_layer import check_range
from ssl_voc.layers.random_view import RandomView
from ssl_voc.layers.simclr_augmenter import SimCLRAugmenter


@keras.saving.register_keras_serializable(package="ssl_voc")
class MultiCropAugmenter(SimCLRAugmenter):
    """Draws two global views of every image, and local ones of half their side.

    Local views show a small part of the image; at half the side, four of them cost a
    network as much as one global view.

    Args:
        image_size: Side of the square global views, in pixels; that of local ones is
            half of it, rounded down.
        area_range: Smallest and largest share of the image that a global view covers.
        num_local: Number of local views.
        local_area_range: Smallest and largest share of the image that a local view
            covers. The defaults are those of small networks; large ones took 0.14 to
            1.0 and 0.05 to 0.14.
        **kwargs: Further arguments of `RandomView`, for all views alike; a blur's
            range is scaled to the size of the view.

    Call arguments:
        images: As of `SimCLRAugmenter`.

    Returns:
        Dictionary of `SimCLRAugmenter`, whose lists hold the two global views and then
        the local ones, `(batch, image_size / 2, image_size / 2, 3)`.

    Example:

    >>> augmenter = ssl_voc.layers.MultiCropAugmenter(image_size=96, seed=0)
    >>> [view.shape[1] for view in augmenter(photos)["views"]]
    [96, 96, 48, 48, 48, 48]

    Reference:
        - [Caron et al., 2020](https://arxiv.org/abs/2006.09882), section 3.2
        - [Tan et al., 2022](https://arxiv.org/abs/2210.02808), the areas
    """

    def __init__(
        self,
        image_size,
        area_range=(0.3, 1.0),
        num_local=4,
        local_area_range=(0.05, 0.3),
        **kwargs,
    ):
        if num_local < 1:
            raise ValueError(
                f"`num_local` must be at least 1. Received: num_local={num_local}"
            )
        name = "local_area_range"
        check_range(name, local_area_range, lowest=0.0, highest=1.0, open_low=True)
        super().__init__(image_size, area_range, **kwargs)
        self.num_local = num_local
        self.local_area_range = tuple(local_area_range)
        local = {
            name: getattr(self, name)
            for name in (
                "aspect_range",
                "flip_rate",
                "color_strength",
                "color_rate",
                "grayscale_rate",
                "blur_rate",
                "blur_sigma_range",
                "solarize_rate",
            )
        }
        self.local_view = RandomView(
            image_size, self.local_area_range, seed=self.seed_generator, **local
        )
        self.local_view.set_image_size(image_size // 2)

    def set_image_size(self, image_size):
        super().set_image_size(image_size)
        self.local_view.set_image_size(image_size // 2)

    def augment(self, images):
        views = super().augment(images)
        local = self.local_view.draw(ops.concatenate([images] * self.num_local, axis=0))
        for values, drawn in zip(views.values(), local, strict=True):
            values += ops.split(drawn, self.num_local, axis=0)
        return views

    def compute_output_spec(self, images):
        views = super().compute_output_spec(images)
        size = self.local_view.image_size
        for name, values in views.items():
            shape = values[0].shape
            if name == "views":
                shape = (shape[0], size, size, 3)
            values += [
                keras.KerasTensor(shape, values[0].dtype) for _ in range(self.num_local)
            ]
        return views
