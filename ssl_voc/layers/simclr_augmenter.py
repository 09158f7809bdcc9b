"""Two random views of every image, and where each came from."""

import keras
from keras import ops

from ssl_voc.layers.color_distortions import build_color_distortions
from ssl_voc.layers.random_gaussian_blur import RandomGaussianBlur
from ssl_voc.layers.random_horizontal_flip import RandomHorizontalFlip
from ssl_voc.layers.random_layer import RandomLayer, check_rate
from ssl_voc.layers.random_resized_crop import RandomResizedCrop
from ssl_voc.layers.random_solarize import RandomSolarize


@keras.saving.register_keras_serializable(package="ssl_voc")
class SimCLRAugmenter(RandomLayer):
    """Draws two views of every image, as SimCLR does, on the accelerator.

    Random resized crop, horizontal flip, color jitter, grayscale, Gaussian blur and,
    if asked, solarization; each view of each image draws on its own. The views come
    with their crop boxes and flips, so that dense objectives can match pixels.

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

    Call arguments:
        images: Tensor `(batch, height, width, 3)` in `[0, 255]`, uint8 or float;
            somewhat larger than the views, height and width known.

    Returns:
        Dictionary. The first half of every tensor belongs to view a, the second half,
        in the same order of images, to view b:
        - `"views"`: float tensor `(2 * batch, image_size, image_size, 3)`, in
          `[0, 255]`.
        - `"boxes_rel_xyxy"`: float tensor `(2 * batch, 4)`: the crop each view was cut
          from, as fractions of its image.
        - `"flips"`: bool tensor `(2 * batch,)`: whether the crop was then mirrored.

    Example:

    >>> augmenter = ssl_voc.layers.SimCLRAugmenter(image_size=96, seed=0)
    >>> augmenter(photos)["views"].shape  # photos: (64, 112, 112, 3)
    (128, 96, 96, 3)

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709), appendix A
    """

    def __init__(
        self,
        image_size,
        area_range=(0.08, 1.0),
        aspect_range=(3 / 4, 4 / 3),
        flip_rate=0.5,
        color_strength=1.0,
        color_rate=0.8,
        grayscale_rate=0.2,
        blur_rate=0.5,
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
        if blur_sigma_range is None:
            blur_sigma_range = (0.1, max(0.2, 2.0 * image_size / 224))
        self.image_size = image_size
        self.area_range = tuple(area_range)
        self.aspect_range = tuple(aspect_range)
        self.flip_rate = flip_rate
        self.color_strength = color_strength
        self.color_rate = color_rate
        self.grayscale_rate = grayscale_rate
        self.blur_rate = blur_rate
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
                RandomGaussianBlur(self.blur_sigma_range, blur_rate, generator)
            )
        if solarize_rate > 0:
            self.distortions.append(RandomSolarize(solarize_rate, seed=generator))

    def build(self, images_shape):
        pass  # The parts have no weights; only the generator has a state.

    def augment(self, images):
        both = ops.concatenate([images, images], axis=0)
        boxes_rel_xyxy = self.crop.draw_boxes(ops.shape(both)[0], *both.shape[1:3])
        views = self.crop.cut(both, boxes_rel_xyxy)
        flips = self.flip.draw_flips(views)
        views = ops.where(flips, ops.flip(views, axis=2), views)
        for distortion in self.distortions:
            views = distortion(views)
        return {
            "views": views,
            "boxes_rel_xyxy": boxes_rel_xyxy,
            "flips": flips[:, 0, 0, 0],
        }

    def compute_output_spec(self, images):
        batch = None if images.shape[0] is None else 2 * images.shape[0]
        size = self.image_size
        dtype = self.compute_dtype
        return {
            "views": keras.KerasTensor((batch, size, size, 3), dtype=dtype),
            "boxes_rel_xyxy": keras.KerasTensor((batch, 4), dtype="float32"),
            "flips": keras.KerasTensor((batch,), dtype="bool"),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "area_range": self.area_range,
            "aspect_range": self.aspect_range,
            "flip_rate": self.flip_rate,
            "color_strength": self.color_strength,
            "color_rate": self.color_rate,
            "grayscale_rate": self.grayscale_rate,
            "blur_rate": self.blur_rate,
            "blur_sigma_range": self.blur_sigma_range,
            "solarize_rate": self.solarize_rate,
        }
