"""Two random views of every image, and where each came from."""

import keras
from keras import ops

from ssl_voc.layers.random_view import RandomView

NUM_VIEWS = 2


@keras.saving.register_keras_serializable(package="ssl_voc")
class SimCLRAugmenter(RandomView):
    """Draws two views of every image, as SimCLR does, on the accelerator.

    Each view of each image draws on its own: see `RandomView` for the augmentations
    and their arguments, such as `area_range` and `color_strength`. The views come with
    their crop boxes and flips, so that dense objectives can match pixels.

    Args:
        image_size: Side of the square views, in pixels.
        **kwargs: Further arguments of `RandomView`.

    Call arguments:
        images: Tensor `(batch, height, width, 3)` in `[0, 255]`, uint8 or float;
            somewhat larger than the views, height and width known.

    Returns:
        Dictionary of lists with one entry a view, whose rows are the images in their
        order:
        - `"views"`: float tensors `(batch, image_size, image_size, 3)`, in `[0, 255]`.
        - `"boxes_rel_xyxy"`: float tensors `(batch, 4)`: the crop each view was cut
          from, as fractions of its image.
        - `"flips"`: bool tensors `(batch,)`: whether the crop was then mirrored.

    Example:

    >>> augmenter = ssl_voc.layers.SimCLRAugmenter(image_size=96, seed=0)
    >>> view_a, view_b = augmenter(photos)["views"]  # photos: (64, 112, 112, 3)
    >>> view_a.shape
    (64, 96, 96, 3)

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709), appendix A
    """

    def augment(self, images):
        # All views in one draw.
        drawn = self.draw(ops.concatenate([images] * NUM_VIEWS, axis=0))
        names = ("views", "boxes_rel_xyxy", "flips")
        return {
            name: ops.split(values, NUM_VIEWS, axis=0)
            for name, values in zip(names, drawn, strict=True)
        }

    def compute_output_spec(self, images):
        batch, size = images.shape[0], self.image_size
        shapes = {
            "views": ((batch, size, size, 3), self.compute_dtype),
            "boxes_rel_xyxy": ((batch, 4), "float32"),
            "flips": ((batch,), "bool"),
        }
        return {
            name: [keras.KerasTensor(*spec) for _ in range(NUM_VIEWS)]
            for name, spec in shapes.items()
        }
