"""Choice between TensorFlow's two sets of CPU kernels, its own and oneDNN's."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
# Pixels from which on oneDNN's kernels are the faster ones with AVX2 alone.
_LEAST_IMAGE_SIZE = 80


def faster_onednn(image_size: int, sets: Sequence[str]) -> str | None:
    """Value of `VARIABLE` for the faster kernels; `None` for TensorFlow's own choice.

    TensorFlow takes oneDNN's on CPUs with instructions for neural networks alone. With
    AVX2 and no more they are faster all the same, but for small images.

    Args:
        image_size: Side of views or photos in pixels.
        sets: `ssl_voc.runs.instruction_sets.instruction_sets()`.
    """
    is_plain = "AVX2" in sets and "AVX-512" not in sets
    return "1" if is_plain and image_size >= _LEAST_IMAGE_SIZE else None


def choose_onednn(
    image_size: int, sets: Sequence[str], begun: Mapping[str, Any]
) -> bool:
    """Sets `VARIABLE`, which TensorFlow reads when it is imported.

    What the user has set stays. Kernels round differently in the last digits: a run
    that goes on keeps to those that it began with.

    Args:
        image_size: As of `faster_onednn`.
        sets: As of `faster_onednn`.
        begun: Manifest of the run that goes on; empty for a new one.

    Returns:
        Whether it was set here. TensorFlow, where it is loaded, has chosen.
    """
    value = begun.get("onednn") if begun else faster_onednn(image_size, sets)
    if value is None or VARIABLE in os.environ or "tensorflow" in sys.modules:
        return False
    os.environ[VARIABLE] = value
    return True
