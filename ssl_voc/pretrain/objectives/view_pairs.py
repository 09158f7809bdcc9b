"""Base class of objectives on pairs of views of unlabelled photos."""

import dataclasses

from ssl_voc.cli.options import option
from ssl_voc.pretrain.objectives.base import PretrainingObjective


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProjectionSettings:
    """Settings of the projection head."""

    hidden_dimensions: int = option(
        512, "Width of the head's hidden layers.", minimum=1
    )
    projection_dimensions: int = option(128, "Width of the projections.", minimum=2)
    projection_layers: int = option(2, "Dense layers of the head.", minimum=1)


class ViewPairsObjective(PretrainingObjective):
    """Compares the projections of two random views of every photo, without labels.

    A subclass gives its `settings`, a `ProjectionSettings`, loss, metrics and panels.
    """

    def __init__(self, config):
        from ssl_voc.pretrain.data import prepare_photos, read_photos

        super().__init__(config)
        self.pool = prepare_photos(read_photos(config), config)
        self.skipped = self.pool.skipped

    def build_model(self, backbone):
        return self.assemble(backbone, self.build_augmenter(), self.build_head())

    def build_head(self):
        """The layer from pooled features to projections."""
        from ssl_voc import layers

        return layers.ProjectionHead(
            self.config.hidden_dimensions,
            self.config.projection_dimensions,
            self.config.projection_layers,
        )

    def build_augmenter(self):
        """Layer that draws the views."""
        from ssl_voc import layers

        return layers.SimCLRAugmenter(**self.augmenter_arguments())

    def assemble(self, *parts):
        """The model of a backbone, an augmenter and a projection head."""
        from ssl_voc import models

        return models.ContrastiveModel(*parts)

    def draw_views(self, model, images):
        """Views of each image, audited.

        Raises:
            ValueError: when the views cannot teach anything, see `audit_views`.
        """
        from ssl_voc.layers.view_audit import audit_views

        return audit_views(model.augmenter, images)["views"]
