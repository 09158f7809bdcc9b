"""Families of backbones: names, and how `ssl_voc.models.backbones` builds them."""

import dataclasses
import difflib
from typing import Literal

from ssl_voc.backbone_families.keras_cv_sizes import KERAS_CV_SIZES

KERAS_CV = "keras_cv:"  # what names of KerasCV's backbones begin with
# What names of KerasHub's presets begin with that can teach: their pixels are known.
TEACHER_PRESETS = ("dinov2_", "dinov3_")


@dataclasses.dataclass(frozen=True)
class BackboneFamily:
    """Backbones that are built alike. A new family is one more of these.

    Attributes:
        names: Names of its members, as `ssl_voc.backbone` takes them.
        builder: What builds them: `"application"`, of `keras.applications` with its
            preprocessing in its graph; `"resnet_v2"`, of `keras.applications` and
            pixels in `[-1, 1]`; or `"keras_cv"`.
        dropped_by: What drops a residual branch while training: the `"dropout"` at its
            end, a dropout in place of the `"identity"` there, or the `"block"` itself.
            `None` for a family without stochastic depth.
    """

    names: tuple[str, ...]
    builder: Literal["application", "resnet_v2", "keras_cv"]
    dropped_by: Literal["dropout", "identity", "block"] | None = None


def family_of(name: str) -> BackboneFamily:
    """The family that a name belongs to.

    Raises:
        ValueError: naming the known or similar names, when there is none.
    """
    for family in FAMILIES:
        if name in family.names:
            return family
    known = [member for family in FAMILIES for member in family.names]
    short = [member for member in known if not member.startswith(KERAS_CV)]
    close = difflib.get_close_matches(name, known, n=5, cutoff=0.5)
    guess = f" Did you mean {', '.join(close)}?" if close else ""
    if name.startswith(KERAS_CV):
        short = [member for member in known if member.startswith(KERAS_CV)]
    raise ValueError(
        f"Unknown backbone {name!r}.{guess} Expected one of {', '.join(short)}, "
        f"{KERAS_CV}NAME of a KerasCV backbone, or the path of a .keras file."
    )


def _keras_cv_names(*beginnings):
    names = (name for name in KERAS_CV_SIZES if name.startswith(beginnings))
    return tuple(f"{KERAS_CV}{name}" for name in names)


FAMILIES = (
    BackboneFamily(
        tuple(f"EfficientNetB{number}" for number in range(8)),
        "application",
        "dropout",
    ),
    BackboneFamily(
        tuple(f"EfficientNetV2B{number}" for number in range(4)),
        "application",
        "dropout",
    ),
    BackboneFamily(("ConvNeXtTiny",), "application", "identity"),
    BackboneFamily(("MobileNetV3Small", "MobileNetV3Large"), "application"),
    BackboneFamily(("ResNet50V2",), "resnet_v2"),
    BackboneFamily(_keras_cv_names("EfficientNet"), "keras_cv", "block"),
    BackboneFamily(_keras_cv_names("ResNet", "CSPDarkNet", "DenseNet"), "keras_cv"),
)
