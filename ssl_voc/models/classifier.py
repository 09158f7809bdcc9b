"""Keras model that pretrains a backbone on the labels of images."""

import keras
from keras import ops

from ssl_voc.models.batch_norm_statistics import synchronize_batch_norm
from ssl_voc.models.configured_model import ConfiguredModel
from ssl_voc.models.pyramid import check_feature_maps


@keras.saving.register_keras_serializable(package="ssl_voc")
class Classifier(ConfiguredModel):
    """Tells the class of an image: pooled features, dropout, one dense layer.

    The train step is Keras' own. While training, `call` first draws a random view of
    every image, on the accelerator; in `evaluate` and `predict` images are only
    resized.

    Args:
        backbone: Keras model from images in `[0, 255]` to feature maps
            `(batch, rows, columns, channels)`.
        num_classes: Number of classes, at least 2.
        augmenter: Optional layer that maps images to images and obeys `training`, such
            as `ssl_voc.layers.SingleViewAugmenter`.
        dropout: Share of the pooled features that training leaves out, in `[0, 1)`.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Call arguments:
        images: Tensor `(batch, height, width, 3)` in `[0, 255]`, uint8 or float.

    Returns:
        Float32 logits `(batch, num_classes)`, also under mixed precision.

    Example:

    >>> model = ssl_voc.Classifier(
    ...     ssl_voc.backbone("EfficientNetB1", image_size=96),
    ...     num_classes=200,
    ...     augmenter=ssl_voc.layers.SingleViewAugmenter(image_size=96),
    ... )
    >>> model.compile(
    ...     optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
    ...     loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    ...     metrics=["accuracy"],
    ... )
    >>> model.fit(photos, labels, batch_size=64, epochs=10)
    >>> ssl_voc.models.plain_backbone(model.backbone).save("backbone.keras")
    """

    def __init__(self, backbone, num_classes, augmenter=None, dropout=0.2, **kwargs):
        super().__init__(**kwargs)
        check_feature_maps(backbone)
        if num_classes < 2:
            raise ValueError(
                "`num_classes` must be at least 2: one class teaches nothing. "
                f"Received: num_classes={num_classes}"
            )
        self.backbone = backbone
        self.num_classes = num_classes
        self.augmenter = augmenter
        self.dropout = dropout
        self.drop_features = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        # Rounded logits of many classes would tie.
        self.classify = keras.layers.Dense(num_classes, dtype="float32")

    def build(self, images_shape):
        if not self.classify.built:
            self.classify.build((None, self.backbone.output_shape[-1]))
        synchronize_batch_norm(self)

    def call(self, images, training=False):
        if self.augmenter is not None:
            images = self.augmenter(images, training=training)
        features = self.backbone(images, training=training)
        pooled = ops.mean(features, axis=(1, 2))
        return self.classify(self.drop_features(pooled, training=training))
