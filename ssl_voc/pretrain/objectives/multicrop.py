"""Multi-crop: global views, and local ones that belong to them."""

import dataclasses

from ssl_voc.cli.options import option
from ssl_voc.pretrain.objectives.dcl import DCLObjective, DCLSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class MultiCropSettings(DCLSettings):
    """Settings of `--objective multicrop`."""

    local_views: int = option(4, "Local views of a photo, of half the side.", minimum=1)
    local_area: tuple[float, float] = option(
        (0.05, 0.3), "Share of the photo in a local view.", above=0, maximum=1
    )
    local_weight: float = option(
        0.6, "Share of pairs with a local view in the loss.", minimum=0, maximum=1
    )

    def __post_init__(self):
        super().__post_init__()
        low, high = self.local_area
        if low > high:
            raise ValueError(
                f"--local-area: expected two ascending shares, got {low} {high}"
            )


class MultiCropObjective(DCLObjective):
    """DCL between two global views of a photo, and between them and local views.

    Reference:
        - [Caron et al., 2020](https://arxiv.org/abs/2006.09882), multi-crop
        - [Tan et al., 2022](https://arxiv.org/abs/2210.02808), for small networks
    """

    settings = MultiCropSettings
    cost_in_views = 3.4
    shown = (*DCLObjective.shown, "local_loss")
    summarized = {**DCLObjective.summarized, "local_loss": "local_loss"}
    needs_any_size = True

    def build_augmenter(self):
        from ssl_voc import layers

        return layers.MultiCropAugmenter(
            num_local=self.config.local_views,
            local_area_range=self.config.local_area,
            **self.augmenter_arguments(),
        )

    def assemble(self, backbone, *parts):
        from ssl_voc import models
        from ssl_voc.models.pyramid import least_image_size

        config = self.config
        flag, size = "--image-size", config.image_size
        if config.image_size_start is not None:
            flag, size = "--image-size-start", config.image_size_start
        least = least_image_size(backbone, range(size // 2, config.image_size + 1))
        if size // 2 < least:
            raise ValueError(
                f"{flag}: expected at least {2 * least} pixels, as local views have "
                f"half the side and {backbone.name} takes {least} or more, got {size}"
            )
        return models.MultiCropModel(backbone, *parts, local_weight=config.local_weight)

    def panels(self):
        loss, *others = super().panels()
        loss = dataclasses.replace(loss, keys=("loss", "local_loss"))
        return [loss, *others]

    def describe(self, summary):
        local = f"{summary['local_loss']:.3f} of pairs with a local view"
        return [*super().describe(summary), ("local loss", local)]
