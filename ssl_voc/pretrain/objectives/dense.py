"""Dense: whole views and the places that they share, for boxes."""

import dataclasses

from ssl_voc.cli.options import option
from ssl_voc.pretrain.objectives.dcl import DCLObjective, DCLSettings

# Of the epochs, those in which the dense term comes in.
_RAMP = 0.1


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenseSettings(DCLSettings):
    """Settings of `--objective dense`."""

    dense_weight: float = option(
        0.5, "Share of the cells' term in the loss.", minimum=0, maximum=1
    )


class DenseObjective(DCLObjective):
    """DCL of whole views, and contrast of the cells that show the same place.

    The term of the cells comes in over the first tenth of the epochs.

    Reference:
        - [Wang et al., 2020](https://arxiv.org/abs/2011.09157), DenseCL
        - [Xie et al., 2020](https://arxiv.org/abs/2011.10043), PixPro
    """

    settings = DenseSettings
    cost_in_views = 2.3
    shown = (*DCLObjective.shown, "dense_loss")
    summarized = {
        **DCLObjective.summarized,
        "dense_loss": "dense_loss",
        "matched_share": "matched_share",
    }

    def build_augmenter(self):
        from ssl_voc import layers

        return layers.OverlappingViewsAugmenter(**self.augmenter_arguments())

    def assemble(self, *parts):
        from ssl_voc import models

        model = models.DenseContrastiveModel(
            *parts,
            dense_weight=self.config.dense_weight,
            temperature=self.config.temperature,
        )
        self.ramp = model.ramp
        return model

    def anneal(self, share_done):
        super().anneal(share_done)
        middle_of_epoch = share_done + 0.5 / self.config.epochs
        self.ramp.assign(min(1.0, middle_of_epoch / _RAMP))

    def panels(self):
        loss, *others = super().panels()
        loss = dataclasses.replace(loss, keys=("loss", "dense_loss"))
        return [loss, *others]

    def describe(self, summary):
        dense = (
            f"{summary['dense_loss']:.3f} of cells; "
            f"{summary['matched_share']:.0%} of them lie in both views"
        )
        return [*super().describe(summary), ("dense loss", dense)]
