"""Grad-CAM, Grad-CAM++ and LayerCAM."""

import numpy as np
from keras import ops

from ssl_voc.heat_maps.explained_layer import find_layer, without_final_activation
from ssl_voc.heat_maps.explained_score import resolve_target
from ssl_voc.heat_maps.feature_gradients import differentiate


def grad_cam(
    model,
    images,
    target=None,
    layer=None,
    method="gradcam",
    upsample=True,
    normalize=True,
    batch_size=16,
):
    """Shows which places of images speak for a class, a box's side or a detection.

    The model stays as it is and runs as in inference. Each image's map is its own
    affair: it does not depend on the others of its batch.

    Args:
        model: `Classifier`, `Localizer`, `Detector`, or any Keras model that returns
            logits `(batch, num_classes)`; a final softmax or sigmoid is left out.
        images: Array `(num_images, height, width, 3)` in `[0, 255]`, of the size that
            the model takes.
        target: What to explain, one of

            - `None`: the class that scores highest; of a detector its most
              confident detection;
            - a class, or one for each image: integer or `(num_images,)`; of a detector
              the most confident detection of that class;
            - `"x1"`, `"y1"`, `"x2"` or `"y2"`: a side of a localizer's box, in pixels;
              the map shows what moves it right or down;
            - `{"boxes": (num_images, 4), "classes": (num_images,)}`: one detection for
              each image, as a detector's `predict` gives it, in the model's format;
            - a function from what the model returns to scores `(batch,)`.
        layer: Whose feature map to explain by; by default the last one of the backbone.
            A layer's name, however nested, a Keras layer, or an integer: the stride of
            the map. Finer maps want `"layercam"`.
        method: `"gradcam"`, `"gradcam++"` or `"layercam"`.
        upsample: Whether maps are brought to the size of the images, bilinearly.
        normalize: Whether each map is divided by its maximum. A map of zeros, where
            nothing speaks for the target, stays one.
        batch_size: Number of images at once, all of whose feature maps are in memory:
            at 160 px some 80 MB an image under EfficientNetB1.

    Returns:
        Float32 array `(num_images, height, width)`, or `(num_images, rows, columns)` of
        the layer, not negative; at most 1 if normalized.

    Raises:
        ValueError: when method, layer or target do not exist in this model.

    References:
        - [Selvaraju et al., 2017](https://arxiv.org/abs/1610.02391), Grad-CAM
        - [Chattopadhay et al., 2018](https://arxiv.org/abs/1710.11063), Grad-CAM++
        - [Jiang et al., 2021](https://doi.org/10.1109/TIP.2021.3089943), LayerCAM
    """
    if method not in METHODS:
        raise ValueError(
            f"`method` must be one of {', '.join(METHODS)}. Received: {method!r}"
        )
    images = np.asarray(images)
    if images.ndim != 4:
        raise ValueError(
            "`images` must have shape (num_images, height, width, 3). Received: "
            f"images.shape={images.shape}"
        )
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1. Received: {batch_size}")
    layer = find_layer(model, layer)
    score, arrays = resolve_target(model, target, len(images))
    maps = []
    for start in range(0, len(images), batch_size):
        part = slice(start, start + batch_size)
        inputs = ops.convert_to_tensor(images[part].astype("float32"))
        chosen = [ops.convert_to_tensor(array[part]) for array in arrays]
        with without_final_activation(model):
            found = METHODS[method](*differentiate(model, inputs, layer, score, chosen))
        if upsample:
            size = images.shape[1:3]
            found = ops.image.resize(found[..., None], size, "bilinear")[..., 0]
        maps.append(ops.convert_to_numpy(found).astype("float32"))
    if not maps:
        return np.zeros((0, *images.shape[1:3]), "float32")
    maps = np.concatenate(maps)
    if normalize:
        highest = maps.max(axis=(1, 2), keepdims=True)
        maps = np.divide(maps, highest, out=np.zeros_like(maps), where=highest > 0)
    return maps


def weigh_by_mean_gradient(features, gradients):
    """Grad-CAM: channels weighted by the mean of their gradients.

    Args:
        features: Float32 tensor `(batch, rows, columns, channels)`.
        gradients: Of the score, of the same shape.

    Returns:
        Float32 tensor `(batch, rows, columns)`, not negative.
    """
    weights = ops.mean(gradients, axis=(1, 2), keepdims=True)
    return ops.relu(ops.sum(weights * features, axis=-1))


def weigh_by_positive_gradient(features, gradients):
    """Grad-CAM++: each cell's rising gradients count so that all occurrences do.

    Of the exponential of the score, as in the paper; its constant factor is left out.
    The shapes are those of `weigh_by_mean_gradient`.
    """
    total = ops.sum(features, axis=(1, 2), keepdims=True)
    # g^2 / (2 g^2 + total g^3), without the powers that float32 cannot hold.
    denominator = 2.0 + total * gradients
    exists = (gradients != 0.0) & (denominator != 0.0)
    shares = ops.where(exists, 1.0 / ops.where(exists, denominator, 1.0), 0.0)
    weights = ops.sum(shares * ops.relu(gradients), axis=(1, 2), keepdims=True)
    return ops.relu(ops.sum(weights * features, axis=-1))


def weigh_by_cell(features, gradients):
    """LayerCAM: every cell weighted by its own gradient where that is positive.

    The shapes are those of `weigh_by_mean_gradient`.
    """
    return ops.relu(ops.sum(ops.relu(gradients) * features, axis=-1))


METHODS = {
    "gradcam": weigh_by_mean_gradient,
    "gradcam++": weigh_by_positive_gradient,
    "layercam": weigh_by_cell,
}
