"""Predictions of one image, parsed from the outputs of an exported model."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

# Required outputs of an exported model; `image_size` and `errors` are optional.
NEEDED = ("boxes", "scores", "classes", "class_names", "num_detections")


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Objects found in one image, the most confident first.

    Attributes:
        boxes: float32 `(num_detections, 4)`, xyxy in pixels of the upright image.
        scores: float32 `(num_detections,)` in `[0, 1]`, descending.
        classes: int32 `(num_detections,)`, 0-based.
        class_names: Texts, one a detection.
        image_size: Height and width of the upright image as the model decoded it, or
            None where it does not say.
        error: Why the image could not be read; empty if it could.
        ranking: For a localizer, which gives one box and scores all classes: pairs of
            name and score, the highest first. None for a detector.
        is_full: Whether the detector gave as many detections as it can: there may be
            more.
    """

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    class_names: tuple[str, ...]
    image_size: tuple[int, int] | None = None
    error: str = ""
    ranking: tuple[tuple[str, float], ...] | None = None
    is_full: bool = False

    def __len__(self):
        return len(self.scores)

    def above(self, threshold: float, most: int | None = None) -> "Prediction":
        """The detections that score at least `threshold`, at most `most` of them."""
        count = int((self.scores >= threshold).sum())
        kept = slice(count if most is None else min(count, most))
        names = ("boxes", "scores", "classes", "class_names")
        return dataclasses.replace(self, **{n: getattr(self, n)[kept] for n in names})


def read_outputs(outputs: Mapping[str, Any]) -> Prediction:
    """Parses the outputs of an exported model for one image.

    Args:
        outputs: Output name to value without the batch axis: arrays, or the nested
            lists of a JSON answer. Texts may be bytes.

    Raises:
        ValueError: If an output is missing, of another shape, or not a number.
    """
    missing = [name for name in NEEDED if name not in outputs]
    if missing:
        raise ValueError(
            f"the model returned {', '.join(sorted(outputs)) or 'nothing'}, not "
            f"{', '.join(missing)}: it was not written by ssl_voc.export"
        )
    try:
        image_size = outputs.get("image_size")
        if image_size is not None:
            height, width = (int(side) for side in image_size)
            image_size = height, width
        error = _text(outputs.get("errors", ""))
        if error:
            boxes, nothing = np.zeros((0, 4), "float32"), np.zeros(0, "float32")
            classes = nothing.astype("int32")
            return Prediction(boxes, nothing, classes, (), image_size, error)
        with np.errstate(over="ignore"):  # infinity is refused below
            boxes = np.asarray(outputs["boxes"], "float32").reshape(-1, 4)
            scores = np.asarray(outputs["scores"], "float32").reshape(-1)
        classes = np.asarray(outputs["classes"], "int32").reshape(-1)
        count = int(outputs["num_detections"])
        names = tuple(_text(name) for name in outputs["class_names"])
    except (ValueError, TypeError, OverflowError) as problem:
        raise ValueError(f"the model's outputs cannot be read: {problem}") from problem
    one_box = len(boxes) == 1  # of a localizer, which scores all classes
    consistent = len(scores) == len(classes) == len(names)
    consistent &= one_box or len(scores) == len(boxes)
    if not consistent or not 0 <= count <= min(len(boxes), len(scores)):
        raise ValueError(
            f"the model's outputs are inconsistent: num_detections {count} with "
            f"{len(boxes)} boxes, {len(scores)} scores, {len(classes)} classes and "
            f"{len(names)} names"
        )
    if not (np.isfinite(boxes[:count]).all() and np.isfinite(scores[:count]).all()):
        raise ValueError("the model's boxes or scores are NaN or infinite")
    if (np.diff(scores[:count]) > 0).any():
        raise ValueError("the model's scores do not descend")
    ranking = None
    if one_box:
        ranking = tuple(zip(names, map(float, scores), strict=True))
    found = [values[:count] for values in (boxes, scores, classes, names)]
    is_full = not one_box and count == len(scores)
    return Prediction(*found, image_size, ranking=ranking, is_full=is_full)


def read_batch(outputs: Mapping[str, np.ndarray]) -> list[Prediction]:
    """Parses the outputs of an exported model for a batch.

    Args:
        outputs: Output name to array `(batch, ...)`.

    Raises:
        ValueError: As `read_outputs`, or if the arrays are of several lengths.
    """
    scalars = [name for name, value in outputs.items() if not np.ndim(value)]
    if scalars:
        raise ValueError(f"the model returned {scalars[0]} once, not for each image")
    lengths = {len(value) for value in outputs.values()}
    if len(lengths) > 1:
        raise ValueError(
            f"the model's outputs are of {sorted(lengths)} images, not of one batch"
        )
    return [
        read_outputs({name: value[row] for name, value in outputs.items()})
        for row in range(lengths.pop() if lengths else 0)
    ]


def _text(value: Any) -> str:
    value = value.item() if isinstance(value, np.ndarray) else value
    if not isinstance(value, bytes):
        # JSON can hold halves of characters, which no file takes.
        value = str(value).encode("utf-8", "replace")
    return value.decode("utf-8", "replace")
