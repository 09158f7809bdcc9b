"""Contrastive model of global views and the local views of the same image."""

import itertools

import keras

from ssl_voc.distributed import count_replicas
from ssl_voc.layers.random_layer import check_rate
from ssl_voc.layers.simclr_augmenter import NUM_VIEWS
from ssl_voc.models.contrastive_model import ContrastiveModel


@keras.saving.register_keras_serializable(package="ssl_voc")
class MultiCropModel(ContrastiveModel):
    """Pretrains a backbone by pairs of views of which one, at least, is global.

    The first two views are global, the others local. Each local view is a positive of
    both global ones; local views, which may show different things, are not compared
    with each other. The loss is the compiled one of the two global views and the mean
    over the pairs of a global and a local view, weighted.

    Args:
        backbone: Keras model from images in `[0, 255]` of any size to feature maps.
        augmenter: Layer of two global and one or more local views, such as
            `ssl_voc.layers.MultiCropAugmenter`.
        projection_head: As of `ContrastiveModel`.
        local_weight: Share of the pairs with a local view in the loss, in `[0, 1]`.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Reference:
        - [Caron et al., 2020](https://arxiv.org/abs/2006.09882), multi-crop
        - [Tan et al., 2022](https://arxiv.org/abs/2210.02808), its weights for small
          networks
    """

    def __init__(
        self, backbone, augmenter, projection_head=None, local_weight=0.6, **kwargs
    ):
        super().__init__(backbone, augmenter, projection_head, **kwargs)
        check_rate("local_weight", local_weight)
        self.local_weight = local_weight
        self.local_loss = keras.metrics.Mean(name="local_loss")

    def objective(self, outputs):
        views, weights = outputs["projections"], outputs["sample_weight"]
        global_views, local_views = views[:NUM_VIEWS], views[NUM_VIEWS:]
        if not local_views:
            raise ValueError(
                "The augmenter must draw local views beside the two global ones, as "
                f"`MultiCropAugmenter` does. Received: {len(views)} views."
            )
        global_loss = self.pair_loss(*global_views, weights)
        losses = [
            self.pair_loss(*pair, weights)
            for pair in itertools.product(global_views, local_views)
        ]
        local_loss = sum(losses[1:], losses[0]) / len(losses)
        loss = (1.0 - self.local_weight) * global_loss + self.local_weight * local_loss
        return loss, {
            **self.compare_with_chance(loss, outputs),
            "local_loss": local_loss * count_replicas(),
        }
