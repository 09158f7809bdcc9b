"""DCL: the contrastive recipe of small networks."""

import dataclasses
import math

from ssl_voc.cli.options import option
from ssl_voc.pretrain.objectives.simclr import SimCLRObjective
from ssl_voc.pretrain.objectives.view_pairs import ProjectionSettings

# Of the steps, those with small views.
_SHARE_OF_SMALL_VIEWS = 0.7


@dataclasses.dataclass(frozen=True, kw_only=True)
class DCLSettings(ProjectionSettings):
    """Settings of `--objective dcl`."""

    temperature: float = option(0.1, "Temperature of the loss.", above=0)
    smoothing: float = option(
        0.1, "Share of the target on negatives, at the end.", minimum=0, below=1
    )
    image_size_start: int | None = option(
        None, "Side of a view in the first 70 % of the steps.", minimum=32
    )
    hidden_dimensions: int = 2048
    crop_area: tuple[float, float] = (0.3, 1.0)

    def __post_init__(self):
        super().__post_init__()
        start = self.image_size_start
        if start is not None and start >= self.image_size:
            raise ValueError(
                f"--image-size-start: expected less than the {self.image_size} pixels "
                f"of --image-size, got {start}"
            )


class DCLObjective(SimCLRObjective):
    """Decoupled contrastive loss between two views of every photo, for small networks.

    What differs from `simclr` is what small networks and batches want: the positive is
    left out of the denominator, the targets are smoothed more and more, by half a
    cosine, the head is wide, and the crops hold more of the photo. Views may begin
    small.

    Reference:
        - [Yeh et al., 2021](https://arxiv.org/abs/2110.06848)
        - [Lin et al., 2022](https://arxiv.org/abs/2212.07158), the recipe, its
          smoothing as in the authors' code
    """

    settings = DCLSettings
    loss_name = "DCL"
    needs_any_size = False  # of the backbone, whatever the settings

    def __init__(self, config):
        import keras

        super().__init__(config)
        self.smoothing = keras.Variable(
            config.smoothing, trainable=False, name="smoothing"
        )

    def build_model(self, backbone):
        from ssl_voc.models.cloning import resized

        start = self.config.image_size_start
        if self.needs_any_size or start is not None:
            backbone = resized(backbone, None)
        if start is not None:
            _tell_of_one_cell(backbone, start)
        model = super().build_model(backbone)
        # A weight of the model: jax would compile its value into the step.
        model.smoothing = self.smoothing
        return model

    def build_loss(self):
        from ssl_voc import losses

        return losses.DCLLoss(self.config.temperature, self.smoothing)

    def stages(self, epochs):
        last = super().stages(epochs)
        start = self.config.image_size_start
        if start is None:
            return last
        # At least one epoch is on the size of the backbone that is saved.
        num_small = min(round(_SHARE_OF_SMALL_VIEWS * epochs), epochs - 1)
        return [(num_small, start), *last]

    def anneal(self, share_done):
        share = 0.5 * (1.0 - math.cos(math.pi * share_done))
        self.smoothing.assign(self.config.smoothing * share)


def _tell_of_one_cell(backbone, image_size):
    """Says where the last feature map of views is one cell, without neighbors."""
    from keras import KerasTensor

    images = KerasTensor((None, image_size, image_size, 3), backbone.input.dtype)
    if backbone.compute_output_spec(images).shape[1] == 1:
        print(
            f"views of {image_size} px end in a map of 1 x 1 cells, of whose kernels "
            "the middle alone learns; larger ones have more (--image-size-start)",
            flush=True,
        )
