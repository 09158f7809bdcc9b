"""Base class of random augmentations: an own seed, draws per image."""

import math

import keras
from keras import ops

from ssl_voc.distributed import draw_own_share
from ssl_voc.layers.constructor_arguments import ConfiguredLayer


class RandomLayer(ConfiguredLayer):
    """Base of the augmentations: each image draws on its own, in every mode.

    The layers ignore `training`: a contrastive model needs its views in `evaluate`
    too, and inference uses the backbone alone.

    A subclass implements `augment(images)` on float images, and has each argument of
    its constructor as an attribute of that name, from which configs are made. The
    arithmetic is float32 under every policy: bfloat16 has 8 bits for 256 brightness
    levels and less for sums.

    Args:
        seed: Optional integer, for reproducible draws, or a
            `keras.random.SeedGenerator` that several layers share. That is not saved,
            and layers made from their configs draw each on its own.
        **kwargs: `name` and `dtype` of `keras.layers.Layer`; `dtype` defaults to
            float32 whatever the global policy.
    """

    def __init__(self, seed=None, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if isinstance(seed, keras.random.SeedGenerator):
            # Of one integer they would all draw the same numbers.
            self.seed, self.seed_generator = None, seed
        else:
            self.seed, self.seed_generator = seed, keras.random.SeedGenerator(seed)
        # There are no weights. A layer that is not built has `fit` build its model by
        # a call on symbols, which torch cannot do with the arrays of a detector.
        self.built = True

    def call(self, images):
        return self.augment(ops.cast(images, self.compute_dtype))

    def augment(self, images):
        """Returns the augmented images; `images` are float and batched."""
        raise NotImplementedError

    def draw_uniform(self, shape, low=0.0, high=1.0):
        """Float32 tensor of `shape`, uniform in `[low, high)`; replicas differ."""
        return draw_own_share(
            lambda shape: keras.random.uniform(
                shape, low, high, dtype="float32", seed=self.seed_generator
            ),
            shape,
        )

    def draw_applied(self, images, rate):
        """Bool tensor `(batch, 1, 1, 1)`, true for a random share `rate`."""
        return self.draw_uniform((ops.shape(images)[0], 1, 1, 1)) < rate

    def compute_output_shape(self, images_shape):
        """Shape of the images, which stays; a dictionary's is not known."""
        if isinstance(images_shape, dict):
            return super().compute_output_shape(images_shape)
        return images_shape

    def compute_output_spec(self, *args, **kwargs):
        # By tracing: Keras would take it from the shape of dictionaries, too.
        return keras.Operation.compute_output_spec(self, *args, **kwargs)


def check_images(images):
    """Raises unless `images` are a batch in color whose sides are known.

    Args:
        images: Tensor, of a traced step, too.
    """
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[3] != 3 or None in shape[1:]:
        raise ValueError(
            "Images must have shape (batch, height, width, 3), all but the batch "
            "known: decode with channels=3, resize, or say so by tf.ensure_shape. "
            f"Received: images.shape={shape}"
        )


def check_rate(name, rate):
    """Raises unless `rate` is a probability."""
    if not 0.0 <= rate <= 1.0:
        raise ValueError(
            f"`{name}` is a probability and must lie in [0, 1]. Received: {name}={rate}"
        )


def check_range(name, values, lowest, highest=math.inf, open_low=False):
    """Raises unless `values` is an ascending pair inside the bounds."""
    bound = f"{'(' if open_low else '['}{lowest}, {highest}]"
    fits = len(values) == 2 and lowest <= values[0] <= values[1] <= highest
    if not fits or (open_low and values[0] == lowest):
        raise ValueError(
            f"`{name}` must be an ascending pair of numbers in {bound}. "
            f"Received: {name}={values}"
        )
