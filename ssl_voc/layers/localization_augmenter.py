"""Random views of labelled images, whose boxes follow."""

import keras
from keras import ops

from ssl_voc import boxes
from ssl_voc.layers.box_motions import boxes_in_crops, flags_of, flip_boxes, pad_boxes
from ssl_voc.layers.color_distortions import build_color_distortions
from ssl_voc.layers.random_box_crop import RandomBoxCrop
from ssl_voc.layers.random_horizontal_flip import RandomHorizontalFlip
from ssl_voc.layers.random_layer import RandomLayer, check_images, check_rate
from ssl_voc.layers.resampling import resize_images, whole_images


@keras.saving.register_keras_serializable(package="ssl_voc")
class LocalizationAugmenter(RandomLayer):
    """Crops, mirrors and recolors labelled images on the accelerator; boxes follow.

    Each image draws on its own. The main object, the largest of the image, always
    stays, see `RandomBoxCrop`. Unlike the contrastive augmentations this one obeys
    `training`: at inference it only resizes, and changes nothing where the images have
    `image_size` already.

    Args:
        image_size: Side of the square results, in pixels.
        area_range: Smallest and largest area of the crop, in areas of the image; above
            1 it zooms out, onto black.
        aspect_range: Smallest and largest width / height of a crop.
        flip_rate: Probability that an image is mirrored.
        color_strength: Strength of the color jitter: 0.8 of it for brightness, contrast
            and saturation, 0.2 for hue; 0 for none.
        color_rate: Probability of color jitter.
        grayscale_rate: Probability of a gray image.
        min_main_share: Share of the main object's area that a crop must show.
        min_visible_share: Share of its area below which an object is dropped.
        seed: Optional integer, for reproducible draws.

    Call arguments:
        inputs: Dictionary of `"images"`, a tensor `(batch, height, width, 3)` in
            `[0, 255]`, uint8 or float, height and width known, and
            `"bounding_boxes"`, a dictionary of `"boxes"` `(batch, n, 4)`, xyxy in
            pixels and inside the image, and `"classes"` `(batch, n)`; both are -1 where
            padded. `"difficult"` and `"truncated"` `(batch, n)` follow their boxes if
            they are there; everything else is left behind.
        training: Whether to augment.

    Returns:
        Dictionary of the same form; images are float, in `[0, 255]`, of
        `(batch, image_size, image_size, 3)`, and boxes in their pixels.

    Example:

    >>> augmenter = ssl_voc.layers.LocalizationAugmenter(image_size=96, seed=0)
    >>> batch = augmenter({"images": photos, "bounding_boxes": boxes}, training=True)

    Reference:
        - [Liu et al., 2015](https://arxiv.org/abs/1512.02325), section 2.2
    """

    # Of each image, the one that crops keep: see `RandomBoxCrop`.
    main_object = "largest"

    def __init__(
        self,
        image_size,
        area_range=(0.4, 1.3),
        aspect_range=(3 / 4, 4 / 3),
        flip_rate=0.5,
        color_strength=0.4,
        color_rate=0.8,
        grayscale_rate=0.1,
        min_main_share=0.7,
        min_visible_share=0.3,
        seed=None,
        **kwargs,
    ):
        super().__init__(seed=seed, **kwargs)
        check_rate("flip_rate", flip_rate)
        generator = self.seed_generator
        self.crop = RandomBoxCrop(
            image_size,
            area_range=area_range,
            aspect_range=aspect_range,
            min_main_share=min_main_share,
            min_visible_share=min_visible_share,
            main_object=self.main_object,
            seed=generator,
        )
        self.image_size = self.crop.image_size
        self.area_range = self.crop.area_range
        self.aspect_range = self.crop.aspect_range
        self.flip_rate = flip_rate
        self.color_strength = color_strength
        self.color_rate = color_rate
        self.grayscale_rate = grayscale_rate
        self.min_main_share = min_main_share
        self.min_visible_share = min_visible_share
        self.flip = RandomHorizontalFlip(flip_rate, seed=generator)
        # What changes colors but moves no pixel.
        self.distortions = build_color_distortions(
            color_strength, color_rate, grayscale_rate, generator
        )

    def call(self, inputs, training=False):
        inputs = _read(inputs)
        return self.augment(inputs) if training else self.resize(inputs)

    def augment(self, inputs):
        """The dictionary of `call`, augmented."""
        cropped = self.cut(inputs)
        images, bounding_boxes = cropped["images"], cropped["bounding_boxes"]
        flips = self.flip.draw_flips(images)  # (batch, 1, 1, 1)
        images = ops.where(flips, ops.flip(images, axis=2), images)
        classes = bounding_boxes["classes"]
        moved = flip_boxes(
            bounding_boxes["boxes"], classes, flips[:, 0, 0, 0], self.image_size
        )
        for distortion in self.distortions:
            images = distortion(images)
        return _pack(images, moved, classes, cropped)

    def cut(self, inputs):
        """The dictionary of `call`, cut to random parts of `image_size`."""
        return self.crop(inputs)

    def resize(self, inputs):
        """The dictionary of `call`, resized to `image_size` and otherwise as it was."""
        images = ops.cast(inputs["images"], self.compute_dtype)
        moved, classes = (inputs["bounding_boxes"][key] for key in ("boxes", "classes"))
        moved = boxes.convert_format(moved, "xyxy", "xyxy")  # float32
        shape, size = tuple(images.shape[1:3]), (self.image_size, self.image_size)
        if shape != size:
            whole = whole_images(ops.shape(images)[0])
            moved = pad_boxes(boxes_in_crops(moved, whole, shape, size), classes)
        return _pack(resize_images(images, size), moved, classes, inputs)


def _read(inputs):
    """Checks the form of the input and drops what does not follow the augmentation."""
    parts = inputs.get("bounding_boxes") if isinstance(inputs, dict) else None
    if not isinstance(parts, dict) or not (
        "images" in inputs and "boxes" in parts and "classes" in parts
    ):
        raise ValueError(
            'Expected a dictionary {"images", "bounding_boxes": {"boxes", "classes"}}. '
            f"Received: {_describe(inputs)}"
        )
    images, moved, classes = inputs["images"], parts["boxes"], parts["classes"]
    check_images(images)
    if len(moved.shape) != 3 or moved.shape[2] != 4 or len(classes.shape) != 2:
        raise ValueError(
            "Boxes must have shape (batch, num_boxes, 4) and classes (batch, "
            "num_boxes). Pad images that have fewer objects with -1. Received: "
            f"boxes.shape={tuple(moved.shape)}, classes.shape={tuple(classes.shape)}"
        )
    for name, values in flags_of(inputs).items():
        if tuple(values.shape) != tuple(classes.shape):
            raise ValueError(
                f"`{name}` must have a value for each box. Received: "
                f"{name}.shape={tuple(values.shape)}, "
                f"classes.shape={tuple(classes.shape)}"
            )
    return _pack(images, moved, classes, inputs)


def _pack(images, moved, classes, inputs):
    bounding_boxes = {"boxes": moved, "classes": classes}
    return {"images": images, "bounding_boxes": bounding_boxes, **flags_of(inputs)}


def _describe(inputs):
    if not isinstance(inputs, dict):
        return type(inputs).__name__
    parts = [
        f"{key}: {{{', '.join(value)}}}" if isinstance(value, dict) else key
        for key, value in inputs.items()
    ]
    return f"{{{', '.join(parts)}}}"
