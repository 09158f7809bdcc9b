"""BYOL: a view of a photo predicts what a moving average makes of another view."""

import dataclasses

from ssl_voc.cli.options import option
from ssl_voc.pretrain.objectives.view_pairs import (
    ProjectionSettings,
    ViewPairsObjective,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BYOLSettings(ProjectionSettings):
    """Settings of `--objective byol`."""

    teacher_momentum: float = option(
        0.99,
        "Share of itself that the teacher keeps in a step, raised to 1.",
        minimum=0,
        below=1,
    )
    projection_dimensions: int = 256


class BYOLObjective(ViewPairsObjective):
    """Prediction of a momentum teacher's projections; photos are not compared.

    There are no negatives, so batches may be small; nor is there a chance level.
    Collapse shows in the spread of the projections, and ends the run.

    Reference:
        - [Grill et al., 2020](https://arxiv.org/abs/2006.07733)
    """

    settings = BYOLSettings
    watched = "spread"
    cost_in_views = 2.5
    shown = ("loss", "spread")
    summarized = {
        **ViewPairsObjective.summarized,
        "spread": "spread",
        "alignment": "alignment",
    }
    advice = (
        "Try a lower --learning-rate, a longer --warmup, a higher --teacher-momentum "
        "or --objective simclr"
    )

    def assemble(self, *parts):
        from ssl_voc import layers, models

        config = self.config
        predictor = layers.ProjectionHead(
            config.hidden_dimensions, config.projection_dimensions
        )
        self.model = models.BYOLModel(*parts, predictor, config.teacher_momentum)
        return self.model

    def compile_arguments(self):
        from ssl_voc import losses, metrics

        return {
            "loss": losses.BYOLLoss(),
            "metrics": [metrics.ProjectionSpread(), metrics.Alignment()],
        }

    def anneal(self, share_done):
        self.model.anneal(share_done)

    def panels(self):
        from ssl_voc.visualization.curves import Panel

        return [
            Panel(("loss",), "BYOL (2: views unrelated)"),
            Panel(("spread",), "spread of projections (0: collapsed)"),
            Panel(("alignment",), "alignment"),
            Panel(("knn_top1",), "top-1 accuracy"),
        ]

    def describe(self, summary):
        loss = (
            f"{summary['loss']:.3f} (2 were views unrelated); spread of projections "
            f"{summary['spread']:.2f} (0: collapsed, 1: even)"
        )
        return [("loss", loss)]
