"""Feature maps of a backbone by their stride."""

import keras


def feature_levels(backbone, strides, image_size=None):
    """Finds the deepest feature map of each stride inside a backbone.

    Block names differ between networks, so levels are found by resolution: of all
    feature maps of `input size / stride` rows, rounded up, the last one.

    Args:
        backbone: Functional Keras model with one image input.
        strides: Iterable of integers, such as `(8, 16, 32)`.
        image_size: Side of the images, in pixels, at which a backbone that takes any
            size is looked at.

    Returns:
        Functional `keras.Model` from the backbone's input to the list of feature maps,
        in the order of `strides`. It shares the backbone's layers.

    Raises:
        ValueError: when the input size is unknown or the backbone has no such stride.
    """
    size = backbone.input_shape[1] or image_size
    if size is None:
        raise ValueError(
            "Feature levels are found by resolution: build the backbone with an "
            f"`image_size`. Received: backbone.input_shape={backbone.input_shape}"
        )
    feature_maps = list(_feature_maps(backbone))
    images = keras.KerasTensor((None, size, size, 3), backbone.input.dtype)
    at_size = keras.Model(backbone.input, feature_maps).compute_output_spec(images)
    deepest = {}
    for feature_map, spec in zip(feature_maps, at_size, strict=True):
        for stride in strides:
            # Padding rounds up: 100 px at stride 32 are 4 rows.
            if spec.shape[1] == -(-size // stride):
                deepest[stride] = feature_map
    missing = [stride for stride in strides if stride not in deepest]
    if missing:
        raise ValueError(
            f"The backbone {backbone.name} has no feature map of stride {missing[0]} "
            f"at {size} px; it ends in {backbone.output_shape}. Choose a deeper one; "
            "a network whose convolutions do not pad needs an image size divisible by "
            f"{max(strides)}."
        )
    outputs = [deepest[stride] for stride in strides]
    return keras.Model(backbone.input, outputs, name=f"{backbone.name}_levels")


def least_image_size(backbone, sizes):
    """The smallest of some sizes of images that a backbone takes.

    Convolutions that do not pad find nothing in maps that are smaller than they are.

    Args:
        backbone: Functional Keras model that takes images of any size.
        sizes: Sides of square images in pixels, ascending; the last one is known to be
            taken.
    """
    for size in sizes[:-1]:
        images = keras.KerasTensor((None, size, size, 3), backbone.input.dtype)
        try:
            backbone.compute_output_spec(images)
        except ValueError:
            continue
        return size
    return sizes[-1]


def check_feature_maps(backbone):
    """Raises unless a backbone ends in feature maps of one resolution.

    Args:
        backbone: Keras model.
    """
    shape = getattr(backbone, "output_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise ValueError(
            "`backbone` must end in feature maps (batch, rows, columns, channels) of "
            "one resolution, and be a functional model; leave pooling to the head. "
            f"Received: {type(backbone).__name__} with output_shape={shape}"
        )


def deepest_levels(backbone):
    """Finds the last feature map of a backbone and the deepest one twice as fine.

    Args:
        backbone: Functional Keras model with one image input of known size.

    Returns:
        Functional `keras.Model` from the backbone's input to the list of both, the
        finer one first, or of the last one alone where nothing is twice as fine. It
        shares the backbone's layers.

    Raises:
        ValueError: when the input size is unknown or the backbone does not end in a
            feature map.
    """
    check_feature_maps(backbone)
    shape = backbone.output_shape
    if None in shape[1:]:
        raise ValueError(
            "The feature maps must have a known size: build the backbone with an "
            f"`image_size`. Received: {backbone.name} with output_shape={shape}"
        )
    rows = shape[1]
    finer = None
    for feature_map in _feature_maps(backbone):
        # Without padding, convolutions lose a row or so on the way down.
        if rows < feature_map.shape[1] and abs(feature_map.shape[1] - 2 * rows) <= 1:
            finer = feature_map
    outputs = [backbone.output] if finer is None else [finer, backbone.output]
    return keras.Model(backbone.input, outputs, name=f"{backbone.name}_levels")


def _feature_maps(backbone):
    """Yields what each operation of a backbone's graph computes, if a feature map.

    Operations, not layers alone: ConvNeXt's blocks end in a plain sum.
    """
    if isinstance(backbone, keras.Sequential):
        backbone = keras.Model(backbone.input, backbone.output)
    nodes = {
        id(node.operation): node
        for nodes_of_depth in backbone._nodes_by_depth.values()
        for node in nodes_of_depth
    }
    for operation in backbone.operations:
        if isinstance(operation, keras.layers.ZeroPadding2D):
            continue  # a convolution's border is no resolution of its own
        # Not `operation.output`, which of a nested model is a tensor of its own graph.
        for output in keras.tree.flatten(nodes[id(operation)].outputs):
            if len(output.shape) == 4:
                yield output
