"""Sizes of the views in the course of a pretraining, which may begin small."""

import keras

# Of the epochs, those with small views.
_SHARE_OF_SMALL_VIEWS = 0.7


def plan_view_sizes(config, epochs):
    """Sizes of the views of a run.

    Args:
        config: A `PretrainConfig`.
        epochs: Number of epochs of the run.

    Returns:
        List of `(last_epoch, image_size)`: the number of the last epoch in which views
        have that side in pixels. The last entry is of the last epoch.
    """
    last = epochs, config.image_size
    if config.image_size_start is None:
        return [last]
    # At least one epoch is on the size of the backbone that is saved.
    num_small = min(round(_SHARE_OF_SMALL_VIEWS * epochs), epochs - 1)
    return [(num_small, config.image_size_start), last]


def tell_of_one_cell(backbone, image_size):
    """Says where the last feature map of views is one cell, without neighbors.

    Args:
        backbone: Keras model of images of any size.
        image_size: Side of the views in pixels.
    """
    images = keras.KerasTensor((None, image_size, image_size, 3), backbone.input.dtype)
    if backbone.compute_output_spec(images).shape[1] == 1:
        print(
            f"views of {image_size} px end in a map of 1 x 1 cells, of whose kernels "
            "the middle alone learns; larger ones have more (--image-size-start)",
            flush=True,
        )
