"""Small models and photos that many tests share."""

import numpy as np
from PIL import Image


def build_backbone(image_size=32, channels=16):
    """A backbone of four layers from images in `[0, 255]` to feature maps."""
    import keras
    from keras import layers

    inputs = keras.Input((image_size, image_size, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for stage, width in enumerate((channels // 2, channels)):
        x = layers.Conv2D(width, 3, 2, use_bias=False, name=f"conv_{stage}")(x)
        x = layers.BatchNormalization(name=f"norm_{stage}")(x)
        x = layers.ReLU(name=f"relu_{stage}")(x)
    return keras.Model(inputs, x, name="tiny")


def save_backbone(path, image_size=32, seed=0):
    """Writes a tiny backbone, to be named as `--backbone PATH`."""
    import keras

    keras.utils.set_random_seed(seed)
    build_backbone(image_size).save(path)
    return path


def randomize(model, seed=0):
    """Gives kernels, scales, offsets and statistics values that no initializer would.

    Statistics of pixels, three numbers or one, stay as they are.
    """
    random = np.random.default_rng(seed)
    values = []
    for weight in model.get_weights():
        if weight.size > 3:
            change = random.uniform(0.9, 1.1, weight.shape)
            shift = random.uniform(0, 0.05, weight.shape) if weight.ndim == 1 else 0.0
            weight = (weight * change + shift).astype(weight.dtype)
        values.append(weight)
    model.set_weights(values)


def draw_photos(num_photos, size=40, seed=0):
    """Smooth uint8 photos `(num_photos, size, size, 3)`, no two alike."""
    random = np.random.default_rng(seed)
    photos = []
    for _ in range(num_photos):
        coarse = random.integers(0, 256, (6, 6, 3), "uint8")
        image = Image.fromarray(coarse).resize((size, size), Image.BICUBIC)
        photos.append(np.asarray(image))
    return np.stack(photos)
