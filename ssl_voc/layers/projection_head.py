"""Projection head between pooled features and the loss of a pretraining."""

import keras

from ssl_voc.layers.constructor_arguments import ConfiguredLayer


@keras.saving.register_keras_serializable(package="ssl_voc")
class ProjectionHead(ConfiguredLayer):
    """Maps pooled features into the space where views are compared.

    Dense layers with batch norm and ReLU between them, the last one linear. Thrown away
    after pretraining: features before the head transfer better.

    Other implementations normalize the last layer by batch too. From random
    EfficientNet weights that kept the loss above chance for epochs, since a few
    outliers of the batch take up its variance; without it, chance is left within one.

    Args:
        hidden_dimensions: Width of the hidden layers.
        dimensions: Width of the projections.
        num_layers: Number of dense layers, at least 1. SimCLR used 2, SimCLR v2 used 3.

    Call arguments:
        features: Float tensor `(batch, channels)`.

    Returns:
        Float32 tensor `(batch, dimensions)`, also under mixed precision.

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709), section 4.2
    """

    def __init__(self, hidden_dimensions=512, dimensions=128, num_layers=2, **kwargs):
        super().__init__(**kwargs)
        for name, value in (
            ("hidden_dimensions", hidden_dimensions),
            ("dimensions", dimensions),
            ("num_layers", num_layers),
        ):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {value}")
        self.hidden_dimensions = hidden_dimensions
        self.dimensions = dimensions
        self.num_layers = num_layers
        self.stack = []
        policy = self.dtype_policy
        for _ in range(num_layers - 1):
            self.stack += [
                keras.layers.Dense(hidden_dimensions, use_bias=False, dtype=policy),
                keras.layers.BatchNormalization(momentum=0.9, dtype=policy),
                keras.layers.ReLU(dtype=policy),
            ]
        # Cosines of rounded projections would blur which view is nearest.
        self.stack.append(keras.layers.Dense(dimensions, dtype="float32"))

    def build(self, features_shape):
        for layer in self.stack:
            layer.build(features_shape)
            features_shape = layer.compute_output_shape(features_shape)

    def call(self, features, training=None):
        for layer in self.stack:
            if isinstance(layer, keras.layers.BatchNormalization):
                features = layer(features, training=training)
            else:
                features = layer(features)
        return features

    def compute_output_shape(self, features_shape):
        return (features_shape[0], self.dimensions)
