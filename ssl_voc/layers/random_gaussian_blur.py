"""Gaussian blur of a random share of the images."""

import keras
from keras import ops

from ssl_voc.layers.random_layer import RandomLayer, check_range, check_rate
from ssl_voc.layers.resampling import resample


@keras.saving.register_keras_serializable(package="ssl_voc")
class RandomGaussianBlur(RandomLayer):
    """Blurs a random share of the images with a Gaussian of random width.

    A separable blur of an image is `B @ image @ B.T` with a banded matrix `B` per
    image, so every image can have its own width in one batched matrix product.
    Kernels reach three standard deviations; at the border the part of the kernel
    that is inside the image counts in full.

    Args:
        sigma_range: Smallest and largest standard deviation, in pixels. SimCLR draws
            from 0.1 to 2.0 at 224 pixels; scale it with the size of the views.
        rate: Probability that an image is blurred, in `[0, 1]`.
        seed: Optional integer or `keras.random.SeedGenerator`.

    Call arguments:
        images: Tensor `(batch, height, width, channels)` in `[0, 255]`, height and
            width known.

    Returns:
        Float tensor of the shape of `images`, in `[0, 255]`.

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709), appendix A
    """

    def __init__(self, sigma_range=(0.1, 2.0), rate=0.5, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        check_range("sigma_range", sigma_range, lowest=0.0, open_low=True)
        check_rate("rate", rate)
        self.sigma_range = tuple(sigma_range)
        self.rate = rate

    def draw_sigmas(self, batch_size):
        """Float32 tensor `(batch_size,)`: standard deviations, 0 for no blur."""
        sigmas = self.draw_uniform((batch_size,), *self.sigma_range)
        blurred = self.draw_uniform((batch_size,)) < self.rate
        return ops.where(blurred, sigmas, 0.0)

    def augment(self, images):
        height, width = images.shape[1:3]
        sigmas = self.draw_sigmas(ops.shape(images)[0])
        rows, columns = (_blur_matrices(sigmas, side) for side in (height, width))
        images = resample(images, rows, columns)
        # Weights add up to 1 but for rounding: white would become 255.00002.
        return ops.clip(images, 0.0, 255.0)


def _blur_matrices(sigmas, length):
    """Matrices `(batch, length, length)` whose rows are normalized kernels."""
    pixels = ops.arange(length, dtype="float32")
    distances = ops.square(pixels[:, None] - pixels[None, :])[None]
    # A width of 0 would divide by zero; this one is the identity in float32.
    variances = ops.square(ops.maximum(sigmas, 1e-2))[:, None, None]
    kernels = ops.exp(-distances / (2.0 * variances))
    kernels = ops.where(distances <= 9.0 * ops.maximum(variances, 1.0), kernels, 0.0)
    return kernels / ops.sum(kernels, axis=-1, keepdims=True)
