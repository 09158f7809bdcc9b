"""Teachers of a distillation: runs, files and KerasHub's vision transformers."""

import os
from pathlib import Path

import keras
import numpy as np
from keras import layers

from ssl_voc import devices
from ssl_voc.backbone_families import TEACHER_PRESETS
from ssl_voc.models.cloning import clone_with_weights, copier_to
from ssl_voc.models.pretrained_weights import read_backbone

# ImageNet's, in [0, 1], by which DINOv2 and DINOv3 normalize pixels.
_MEANS = np.array([0.485, 0.456, 0.406])
_DEVIATIONS = np.array([0.229, 0.224, 0.225])
# Patches of 14 px, and of 16 px, fill it.
_PRESET_SIZE = 224


def load_teacher(source, default_size, image_size=None):
    """Loads a network and gives it the inputs and outputs of a teacher.

    Args:
        source: Folder of a pretraining, `.keras` file that ends in a feature map, or
            name of a preset of KerasHub's DINOv2 or DINOv3, such as `"dinov2_small"`,
            which KerasHub downloads.
        default_size: Side at which a file that takes images of any size sees them.
        image_size: Side in pixels at which the network sees images; by default its own,
            224 for a preset.

    Returns:
        Functional `keras.Model` from images `(batch, height, width, 3)` in `[0, 255]`,
        of any size, to the list of embeddings `(batch, dimensions)` and maps `(batch,
        rows, columns, channels)`, in inference mode. Of a vision transformer they are
        the class token and the tokens of patches, of another network the mean of the
        map and the map.

    Raises:
        ValueError: naming the source, when it cannot be loaded, holds code, or is no
            network of feature maps.
    """
    path = Path(os.path.expanduser(source))
    if path.exists():
        network = _of_file(path, default_size, image_size)
    else:
        network = _of_preset(str(source), image_size or _PRESET_SIZE)
    _, *size, _ = network.input_shape
    inputs = keras.Input((None, None, 3))
    # Not antialiased, which XLA cannot compile: views are rarely larger.
    images = layers.Resizing(*size, dtype="float32")(inputs)
    teacher = keras.Model(inputs, network(images, training=False), name="teacher")
    teacher.trainable = False
    # On a CPU XLA is slower.
    teacher.jit_compile = devices.should_jit_compile("auto")
    return teacher


def _of_file(path, default_size, image_size):
    backbone = read_backbone(path)
    size = image_size or backbone.input_shape[1] or default_size
    # The precision asked for now, not that of the run which wrote the file.
    copier = copier_to(keras.config.dtype_policy().name)
    network = clone_with_weights(backbone, copier, keras.Input((size, size, 3)))
    embeddings = layers.GlobalAveragePooling2D(dtype="float32")(network.output)
    return keras.Model(network.input, [embeddings, network.output])


def _of_preset(name, image_size):
    if not name.startswith(TEACHER_PRESETS):
        presets = " or ".join(f"{beginning}*" for beginning in TEACHER_PRESETS)
        raise ValueError(
            f"`source` must be a run, a .keras file, or one of KerasHub's {presets}. "
            f"Received: {name!r}"
        )
    import keras_hub

    try:
        network = keras_hub.models.Backbone.from_preset(
            name, image_shape=(image_size, image_size, 3)
        )
    except Exception as error:
        # What is wrong with a name, a network or a server, each in its own way.
        raise ValueError(
            f"KerasHub cannot load the teacher {name!r}: {str(error).splitlines()[0]}"
        ) from error
    inputs = keras.Input((image_size, image_size, 3))
    pixels = layers.Normalization(
        mean=255.0 * _MEANS, variance=np.square(255.0 * _DEVIATIONS), dtype="float32"
    )(inputs)
    # Its only input has a name.
    tokens = network(keras.tree.map_structure(lambda _: pixels, network.input))
    side = image_size // network.patch_size
    num_others = tokens.shape[1] - side**2  # the class token, then registers
    maps = layers.Reshape((side, side, tokens.shape[2]))(tokens[:, num_others:])
    return keras.Model(inputs, [tokens[:, 0], maps])
