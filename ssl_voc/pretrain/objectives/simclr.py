"""Learning from photos without labels: two views of a photo find each other."""

from ssl_voc import layers, losses, metrics, models
from ssl_voc.layers.view_audit import audit_views
from ssl_voc.pretrain.data import prepare_photos, read_photos
from ssl_voc.pretrain.objectives.base import PretrainingObjective
from ssl_voc.visualization.curves import Panel


class SimCLRObjective(PretrainingObjective):
    """SimCLR: NT-Xent between two views of every photo; labels are not looked at.

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709)
    """

    summarized = {
        **PretrainingObjective.summarized,
        "contrastive_top1": "contrastive_top1",
        "alignment": "alignment",
        "uniformity": "uniformity",
    }
    advice = (
        "Try another --learning-rate, --optimizer lars, a larger --batch-size, or "
        "milder views (--color-strength, --crop-area)."
    )

    def __init__(self, config):
        super().__init__(config)
        self.pool = prepare_photos(read_photos(config), config)
        self.skipped = self.pool.skipped

    def build_model(self, backbone):
        config = self.config
        return models.ContrastiveModel(
            backbone,
            layers.SimCLRAugmenter(**self.augmenter_arguments()),
            layers.ProjectionHead(
                config.hidden_dimensions,
                config.projection_dimensions,
                config.projection_layers,
            ),
        )

    def compile_arguments(self):
        return {
            "loss": losses.NTXentLoss(self.config.temperature),
            "metrics": [
                metrics.ContrastiveAccuracy(),
                metrics.Alignment(),
                metrics.Uniformity(),
            ],
        }

    def batches(self, batch_size, seed, initial_epoch):
        batches = self.pool.batches(batch_size, seed, initial_epoch)
        return ((images,) for images in batches)

    def dataset(self, batch_size, seed, initial_epoch):
        return self.pool.dataset(batch_size, seed, initial_epoch)

    def draw_views(self, model, images):
        """Two views of each image, audited.

        Raises:
            ValueError: when the views cannot teach anything, see `audit_views`.
        """
        return audit_views(model.augmenter, images)["views"]

    def panels(self):
        loss = losses.NTXentLoss(self.config.temperature)
        chance = float(loss.chance_level(self.config.batch_size))
        return [
            Panel(("loss",), "NT-Xent", chance=chance),
            Panel(("contrastive_top1", "knn_top1"), "top-1 accuracy"),
            Panel(("effective_rank",), "effective rank"),
            Panel(("alignment", "uniformity"), "alignment, uniformity"),
        ]

    def describe(self, summary):
        loss = (
            f"{summary['loss']:.3f} ({summary['loss_over_chance']:.2f} of chance); "
            f"contrastive top-1 {summary['contrastive_top1']:.3f}"
        )
        return [("loss", loss)]
