"""SimCLR: two views of a photo find each other among those of other photos."""

import dataclasses

from ssl_voc.cli.options import option
from ssl_voc.pretrain.objectives.view_pairs import (
    ProjectionSettings,
    ViewPairsObjective,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimCLRSettings(ProjectionSettings):
    """Settings of `--objective simclr`."""

    temperature: float = option(0.15, "Temperature of NT-Xent.", above=0)


class SimCLRObjective(ViewPairsObjective):
    """NT-Xent between two views of every photo; labels are not looked at.

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709)
    """

    settings = SimCLRSettings
    loss_name = "NT-Xent"
    summarized = {
        **ViewPairsObjective.summarized,
        "contrastive_top1": "contrastive_top1",
        "alignment": "alignment",
        "uniformity": "uniformity",
    }
    advice = (
        "Try another --learning-rate, --optimizer lars, a larger --batch-size, or "
        "milder views (--color-strength, --crop-area)"
    )

    def build_loss(self):
        """Loss of a pair of projections, with a `chance_level`."""
        from ssl_voc import losses

        return losses.NTXentLoss(self.config.temperature)

    def compile_arguments(self):
        from ssl_voc import metrics

        return {
            "loss": self.build_loss(),
            "metrics": [
                metrics.ContrastiveAccuracy(),
                metrics.Alignment(),
                metrics.Uniformity(),
            ],
        }

    def panels(self):
        from ssl_voc.visualization.curves import Panel

        chance = float(self.build_loss().chance_level(self.config.batch_size))
        return [
            Panel(("loss",), self.loss_name, chance=chance),
            Panel(("contrastive_top1", "knn_top1"), "top-1 accuracy"),
            Panel(("alignment", "uniformity"), "alignment, uniformity"),
        ]

    def describe(self, summary):
        loss = (
            f"{summary['loss']:.3f} ({summary['loss_over_chance']:.2f} of chance); "
            f"contrastive top-1 {summary['contrastive_top1']:.3f}"
        )
        return [("loss", loss)]
