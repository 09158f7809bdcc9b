"""VICReg: two views of a photo agree, in dimensions that vary and do not repeat."""

import dataclasses
from typing import Literal

from ssl_voc.cli.options import option
from ssl_voc.pretrain.objectives.view_pairs import (
    ProjectionSettings,
    ViewPairsObjective,
)

TERMS = ("invariance", "variance", "covariance")


@dataclasses.dataclass(frozen=True, kw_only=True)
class VICRegSettings(ProjectionSettings):
    """Settings of `--objective vicreg`."""

    # The loss is not free of the scale of projections: SGD diverged from 0.03 on.
    learning_rates = {"sgd": 0.01}

    invariance_weight: float = option(25.0, "Weight of the views' distance.", minimum=0)
    variance_weight: float = option(25.0, "Weight of missing variance.", minimum=0)
    covariance_weight: float = option(1.0, "Weight of covariances.", minimum=0)
    optimizer: Literal["sgd", "lars", "adamw"] = "lars"
    # The paper's head is 3 layers of 8192; this one learned sooner than one of 1024.
    projection_dimensions: int = 256


class VICRegObjective(ViewPairsObjective):
    """VICReg on two views of every photo; there are no negatives, and no chance level.

    Collapse shows in the variance term, which then stands at 0.99, and in the spread
    of the projections, and ends the run.

    Reference:
        - [Bardes et al., 2022](https://arxiv.org/abs/2105.04906)
    """

    settings = VICRegSettings
    watched = "spread"
    shown = ("loss", *TERMS)
    summarized = {
        **ViewPairsObjective.summarized,
        **{name: name for name in (*TERMS, "spread")},
    }
    advice = (
        "Try a higher --variance-weight, a lower --learning-rate or --objective simclr"
    )

    def compile_arguments(self):
        import keras

        from ssl_voc import metrics
        from ssl_voc.losses import vicreg_loss

        config = self.config
        terms = [getattr(vicreg_loss, f"{name}_term") for name in TERMS]
        return {
            "loss": vicreg_loss.VICRegLoss(
                config.invariance_weight,
                config.variance_weight,
                config.covariance_weight,
            ),
            "metrics": [
                *(
                    keras.metrics.MeanMetricWrapper(term, name=name)
                    for name, term in zip(TERMS, terms, strict=True)
                ),
                metrics.ProjectionSpread(),
            ],
        }

    def loss_of_unrelated_views(self):
        """Least loss of a model to which the two views of a photo are unrelated.

        Its projections are free in their standard deviation `s` alone: the invariance
        term is `2 s^2`, the variance term `1 - s`, the covariance term 0. A run begins
        by going there and learns when it falls below.
        """
        invariance, variance = (
            self.config.invariance_weight,
            self.config.variance_weight,
        )
        deviation = min(1.0, variance / (4.0 * invariance)) if invariance else 1.0
        return 2.0 * invariance * deviation**2 + variance * (1.0 - deviation)

    def panels(self):
        from ssl_voc.visualization.curves import Panel

        return [
            Panel(("loss",), "VICReg", chance=self.loss_of_unrelated_views()),
            Panel(("variance",), "variance term (0.99: collapsed)"),
            Panel(("invariance", "covariance"), "invariance, covariance"),
            Panel(("knn_top1",), "top-1 accuracy"),
        ]

    def describe(self, summary):
        terms = ", ".join(f"{name} {summary[name]:.3f}" for name in TERMS)
        unrelated = self.loss_of_unrelated_views()
        loss = f"{summary['loss']:.3f} ({unrelated:.1f} were views unrelated); {terms}"
        return [("loss", loss)]
