"""Base class of augmenters that draw random views of images, as SimCLR does."""

import keras
from keras import ops

from ssl_voc.layers.color_distortions import build_color_distortions
from ssl_voc.layers.random_gaussian_blur import RandomGaussianBlur
from ssl_voc.layers.random_horizontal_flip import RandomHorizontalFlip
from ssl_voc.layers.random_layer import RandomLayer, check_images, check_rate
from ssl_voc.layers.random_resized_crop import RandomResizedCrop
from ssl_voc.layers.random_solarize import RandomSolarize


class RandomView(RandomLayer):
    """Draws one view of every image of a batch, each on its own.

    Random resized crop, horizontal flip, color jitter, grayscale and, if asked,
    Gaussian blur and solarization. By default the views are milder than SimCLR's
    (areas from 0.08 on, strength 1.0, half of them blurred), as those of `pretrain`:
    small networks learn more from such.

    Args:
        image_size: Side of the square views, in pixels.
        area_range: Smallest and largest share of the image that a crop covers.
        aspect_range: Smallest and largest width / height of a crop.
        flip_rate: Probability of a mirrored view.
        color_strength: Strength of the color jitter; 1.0 is SimCLR's for ImageNet
            (0.8 brightness, contrast and saturation, 0.2 hue), 0.5 its for CIFAR.
        color_rate: Probability of color jitter.
        grayscale_rate: Probability of a gray view.
        blur_rate: Probability of a blurred view.
        blur_sigma_range: Smallest and largest standard deviation of the blur in
            pixels; `None` takes SimCLR's 0.1 to 2.0 at 224 pixels, scaled to
            `image_size`.
        solarize_rate: Probability of a solarized view.
        seed: Optional integer, for reproducible draws.

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709), appendix A
        - [Tan et al., 2022](https://arxiv.org/abs/2210.02808), for small networks
    """

    def __init__(
        self,
        image_size,
        area_range=(0.2, 1.0),
        aspect_range=(3 / 4, 4 / 3),
        flip_rate=0.5,
        color_strength=0.5,
        color_rate=0.8,
        grayscale_rate=0.2,
        blur_rate=0.0,
        blur_sigma_range=None,
        solarize_rate=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(seed=seed, **kwargs)
        for name, rate in (
            ("flip_rate", flip_rate),
            ("blur_rate", blur_rate),
            ("solarize_rate", solarize_rate),
        ):
            check_rate(name, rate)
        self.image_size = image_size
        self.area_range = tuple(area_range)
        self.aspect_range = tuple(aspect_range)
        self.flip_rate = flip_rate
        self.color_strength = color_strength
        self.color_rate = color_rate
        self.grayscale_rate = grayscale_rate
        self.blur_rate = blur_rate
        self.blur_sigma_range = None
        if blur_sigma_range is not None:
            self.blur_sigma_range = tuple(blur_sigma_range)
        self.solarize_rate = solarize_rate

        generator = self.seed_generator
        self.crop = RandomResizedCrop(
            image_size, self.area_range, self.aspect_range, seed=generator
        )
        self.flip = RandomHorizontalFlip(flip_rate, seed=generator)
        # What changes colors and sharpness but moves no pixel, in SimCLR's order.
        self.distortions = build_color_distortions(
            color_strength, color_rate, grayscale_rate, generator
        )
        if blur_rate > 0:
            self.distortions.append(
                RandomGaussianBlur(self._sigma_range(), blur_rate, generator)
            )
        if solarize_rate > 0:
            self.distortions.append(RandomSolarize(solarize_rate, seed=generator))

    def call(self, images):
        check_images(images)
        return super().call(images)

    def set_image_size(self, image_size):
        """Draws views of another size from now on; a compiled step keeps the old one.

        Args:
            image_size: Side of the square views, in pixels.
        """
        if self.blur_sigma_range is not None:
            scale = image_size / self.image_size
            self.blur_sigma_range = tuple(scale * s for s in self.blur_sigma_range)
        self.image_size = self.crop.size = image_size
        for distortion in self.distortions:
            if isinstance(distortion, RandomGaussianBlur):
                distortion.sigma_range = self._sigma_range()

    def compute_output_shape(self, images_shape):
        outputs = self.compute_output_spec(keras.KerasTensor(images_shape))
        return keras.tree.map_structure(lambda output: output.shape, outputs)

    def draw_boxes(self, images):
        """Draws where to cut a view out of each image.

        Args:
            images: Float tensor `(batch, height, width, 3)`.

        Returns:
            Float32 tensor `(batch, 4)`, xyxy as fractions of the image.
        """
        return self.crop.draw_boxes(ops.shape(images)[0], *images.shape[1:3])

    def draw(self, images):
        """Draws one view of every image.

        Args:
            images: Float tensor `(batch, height, width, 3)` in `[0, 255]`, height and
                width known.

        Returns:
            Tuple of the views `(batch, image_size, image_size, 3)` in `[0, 255]`; the
            boxes `(batch, 4)` they were cut from, xyxy as fractions of the image; and
            bool `(batch,)`, whether the crop was then mirrored.
        """
        boxes_rel_xyxy = self.draw_boxes(images)
        views = self.crop.cut(images, boxes_rel_xyxy)
        flips = self.flip.draw_flips(views)
        views = ops.where(flips, ops.flip(views, axis=2), views)
        for distortion in self.distortions:
            views = distortion(views)
        return views, boxes_rel_xyxy, flips[:, 0, 0, 0]

    def _sigma_range(self):
        """Smallest and largest deviation of the blur in pixels, at this size."""
        if self.blur_sigma_range is not None:
            return self.blur_sigma_range
        return 0.1, max(0.2, 2.0 * self.image_size / 224)
