"""Lets torchvision be imported where its compiled operators do not load.

That is so where torch is a CPU build and torchvision is not. It will not start without
the names of its operators; most of it needs no more than these.
"""

import importlib.util
import pathlib

import torch


def declare_missing_operators():
    """Declares what torchvision asks torch for at its import.

    Returns:
        The declarations, which last as long as this object; None where the operators
        load.
    """
    folder = importlib.util.find_spec("torchvision").submodule_search_locations[0]
    try:
        for library in pathlib.Path(folder).glob("_C*.so"):
            torch.ops.load_library(str(library))
    except OSError:
        declared = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            declared.define(f"{name}(Tensor boxes, Tensor scores, float iou) -> Tensor")
        return declared
    return None
