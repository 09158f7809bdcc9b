"""Resizing parts of images by matrix products, antialiased bilinear."""

from keras import ops


def crop_and_resize(images, boxes_rel_xyxy, size):
    """Cuts one box out of each image and resizes it, antialiased bilinear.

    Bilinear resampling is separable and linear, so a crop is `rows @ image @ columns`
    with two small weight matrices per image: plain matrix products, which XLA compiles
    on every device (the crop kernels of TensorFlow do not). The triangle filter widens
    where the box is shrunk, as in `tf.image.resize(antialias=True)` and Pillow.

    Args:
        images: Tensor `(batch, height, width, channels)`.
        boxes_rel_xyxy: Float tensor `(batch, 4)`: x1, y1, x2, y2 as fractions of the
            image.
        size: Tuple `(height, width)` of the result, in pixels.

    Returns:
        Tensor `(batch, size[0], size[1], channels)` of the dtype of `images`.

    Reference:
        - [Turkowski, 1990](https://dl.acm.org/doi/10.5555/90767.90805), filters for
          common resampling tasks
    """
    # The torch backend does not unstack NumPy arrays.
    images = ops.convert_to_tensor(images)
    boxes_rel_xyxy = ops.convert_to_tensor(boxes_rel_xyxy)
    left, top, right, bottom = ops.unstack(boxes_rel_xyxy, 4, axis=1)
    rows = resampling_weights(top, bottom, images.shape[1], size[0])
    columns = resampling_weights(left, right, images.shape[2], size[1])
    return resample(images, rows, columns)


def resize_images(images, size):
    """Resizes whole images, antialiased bilinear; leaves those of that size alone.

    Args:
        images: Float tensor `(batch, height, width, channels)` in `[0, 255]`.
        size: Tuple `(height, width)` of the result, in pixels.

    Returns:
        Tensor `(batch, size[0], size[1], channels)` in `[0, 255]`.
    """
    if tuple(images.shape[1:3]) == tuple(size):
        return images
    resized = crop_and_resize(images, whole_images(ops.shape(images)[0]), size)
    # Weights add up to 1 but for rounding.
    return ops.clip(resized, 0.0, 255.0)


def whole_images(batch_size):
    """Boxes `(batch_size, 4)` of `crop_and_resize` that cut nothing off."""
    whole = ops.convert_to_tensor([[0.0, 0.0, 1.0, 1.0]], dtype="float32")
    return ops.tile(whole, (batch_size, 1))


def resample(images, rows, columns):
    """Makes each pixel a weighted mean of those of its image.

    Args:
        images: Tensor `(batch, height, width, channels)`.
        rows: Weights `(batch, out_height, height)`, such as `resampling_weights`.
        columns: Weights `(batch, out_width, width)`.

    Returns:
        Tensor `(batch, out_height, out_width, channels)` of the dtype of `images`.
    """
    _, height, width, channels = images.shape
    rows, columns = ops.cast(rows, images.dtype), ops.cast(columns, images.dtype)
    # (batch, out_height, height) @ (batch, height, width * channels)
    images = ops.matmul(rows, ops.reshape(images, (-1, height, width * channels)))
    images = ops.reshape(images, (-1, rows.shape[1], width, channels))
    return ops.einsum("btw,bswc->bstc", columns, images)


def resampling_weights(starts, ends, length, out_length):
    """Weights of each source pixel in each result, along one axis.

    Args:
        starts: Float tensor `(batch,)`: where the results begin, as a share of the
            axis.
        ends: Float tensor `(batch,)`: where they end.
        length: Number of source pixels.
        out_length: Number of results.

    Returns:
        Float tensor `(batch, out_length, length)`; the weights of a result add up to
        1 where it sees a source pixel.
    """
    starts, ends = starts * length, ends * length
    scale = (ends - starts) / out_length  # source pixels per result pixel
    centers = pixel_centers(starts, ends, out_length)
    pixels = ops.arange(length, dtype="float32") + 0.5
    distances = ops.abs(pixels[None, None, :] - centers[:, :, None])
    radius = ops.maximum(scale, 1.0)[:, None, None]
    weights = ops.maximum(1.0 - distances / radius, 0.0)
    # Rows near the border reach outside the image: what is inside counts in full.
    return weights / ops.maximum(ops.sum(weights, axis=-1, keepdims=True), 1e-6)


def pixel_centers(starts, ends, num_pixels, offset=0.0):
    """Centers `(batch, num_pixels)` of the pixels that divide `[start, end]`.

    They are moved by `offset` pixels towards the end.
    """
    scale = (ends - starts) / num_pixels
    steps = ops.arange(num_pixels, dtype="float32") + 0.5 + offset
    return starts[:, None] + steps[None, :] * scale[:, None]
