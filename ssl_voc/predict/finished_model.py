"""Model of a finished fine-tuning: loaded, and its boxes in pixels of the photos."""

import keras
import numpy as np

from pipelines import boxes_from_letterbox
from ssl_voc.cli.errors import BadInput
from ssl_voc.models.box_model import corners_of
from ssl_voc.models.loading import load_model


def load_finished_model(finished, kind=keras.Model):
    """Loads the model of a finished fine-tuning, ready to predict.

    Args:
        finished: The `FinishedRun`.
        kind: Class that the model must be of.

    Raises:
        ValueError: when the file cannot be loaded.
        BadInput: when the model is not that of the run's records, or its weights are
            no numbers.
    """
    path = finished.path / "model.keras"
    model = load_model(path, kind)
    size, number = finished.manifest["image_size"], len(finished.class_names)
    # Models of a script's own may not tell.
    shape = getattr(model, "image_shape", (size, size))
    if shape != (size, size):
        raise BadInput(
            f"{finished.flag}: {path} takes images of {shape}, but manifest.json says "
            f"{size} px."
        )
    if getattr(model, "num_classes", number) != number:
        raise BadInput(
            f"{finished.flag}: {path} scores {model.num_classes} classes, but "
            f"manifest.json names {number}."
        )
    # Suppression drops NaN scores, and nothing would be told.
    spoilt = [
        weight.path
        for weight in model.weights
        if not np.isfinite(keras.ops.convert_to_numpy(weight)).all()
    ]
    if spoilt:
        raise BadInput(
            f"{finished.flag}: {path} holds NaN or infinite weights, in {len(spoilt)} "
            f"of {len(model.weights)} places, first {spoilt[0]}. Train it again, at a "
            "lower learning rate."
        )
    return model


def boxes_in_photos(model, predicted, sizes, side, mirrored=False):
    """Boxes that a model predicts for letterboxed photos, in pixels of the photos.

    Args:
        model: A model of boxes, xyxy where it has no `bounding_box_format`.
        predicted: Its boxes, `(n, num_boxes, 4)`.
        sizes: Heights and widths of the photos, integers `(n, 2)`.
        side: Side of the squares in pixels.
        mirrored: Whether the squares were mirrored, left to right.

    Returns:
        float64 `(n, num_boxes, 4)`, xyxy, clipped to the photos.
    """
    corners = corners_of(model, predicted, side).astype("float64")
    if mirrored:
        left, top, right, bottom = np.moveaxis(corners, -1, 0)
        corners = np.stack([side - right, top, side - left, bottom], axis=-1)
    return boxes_from_letterbox(corners, sizes, side)
