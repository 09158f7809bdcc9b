"""DCL: the contrastive recipe of small networks."""

import dataclasses
import math

from ssl_voc.cli.options import option
from ssl_voc.pretrain.objectives.simclr import SimCLRObjective
from ssl_voc.pretrain.objectives.view_pairs import ProjectionSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class DCLSettings(ProjectionSettings):
    """Settings of `--objective dcl`."""

    temperature: float = option(0.1, "Temperature of the loss.", above=0)
    smoothing: float = option(
        0.1, "Share of the target on negatives, at the end.", minimum=0, below=1
    )
    hidden_dimensions: int = 2048
    crop_area: tuple[float, float] = (0.3, 1.0)


class DCLObjective(SimCLRObjective):
    """Decoupled contrastive loss between two views of every photo, for small networks.

    What differs from `simclr` is what small networks and batches want: the positive is
    left out of the denominator, the targets are smoothed more and more, by half a
    cosine, the head is wide, and the crops hold more of the photo.

    Reference:
        - [Yeh et al., 2021](https://arxiv.org/abs/2110.06848)
        - [Lin et al., 2022](https://arxiv.org/abs/2212.07158), the recipe, its
          smoothing as in the authors' code
    """

    settings = DCLSettings
    loss_name = "DCL"

    def __init__(self, config):
        import keras

        super().__init__(config)
        self.smoothing = keras.Variable(
            config.smoothing, trainable=False, name="smoothing"
        )

    def build_model(self, backbone):
        model = super().build_model(backbone)
        # A weight of the model: jax would compile its value into the step.
        model.smoothing = self.smoothing
        return model

    def build_loss(self):
        from ssl_voc import losses

        return losses.DCLLoss(self.config.temperature, self.smoothing)

    def anneal(self, share_done):
        share = 0.5 * (1.0 - math.cos(math.pi * share_done))
        self.smoothing.assign(self.config.smoothing * share)
