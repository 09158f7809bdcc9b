"""Test-time augmentation: each photo is asked about several times, answers fused."""

import numpy as np

from ssl_voc.models.batch_inference import predict_any_batch
from ssl_voc.predict.finished_model import boxes_in_photos

# Second size by that of the model. Not a larger one: training shows most photos from
# farther off, and detectors at 1.2 times their size found far less.
_RATIO = 0.8
# Feature maps of all strides divide by it, also where convolutions do not pad.
_STEP = 32


class AugmentedPredictor:
    """Asks a model for photos of two sizes, each as it is and, maybe, mirrored.

    The second size is about 0.8 times the first one; at 32 px there is but one.

    Args:
        model: A `BoxModel`, loaded.
        task: The `Task` that it was trained for.
        image_size: Side in pixels of the squares that it was trained on.
        mirrors: Whether it is asked about mirrored photos, which it should have seen.
        batch_size: Most photos of a batch, see `predict_any_batch`.

    Attributes:
        image_sizes: Sides of the squares that `predict` takes, that of the model first.
        protocol: What is asked and how it is fused, in words.
    """

    def __init__(self, model, task, image_size, mirrors=True, batch_size=64):
        steps = min(round(_RATIO * image_size / _STEP), -(-image_size // _STEP) - 1)
        smaller = max(steps, 1) * _STEP
        self.task = task
        self._batch_size = batch_size
        self._models = {image_size: model}
        if smaller < image_size:
            self._models[smaller] = model.at_image_size(smaller)
        self.image_sizes = tuple(self._models)
        self._mirrorings = (False, True) if mirrors else (False,)
        number = len(self.image_sizes) * len(self._mirrorings)
        sides = " and ".join(f"{side}" for side in self.image_sizes)
        self.protocol = (
            f"{number} view{'s' * (number > 1)} of each photo, letterboxed to {sides} "
            f"px{', as it is and mirrored' * mirrors}; {task.fusion}"
        )

    def predict(self, squares, photo_sizes):
        """Answers a batch.

        Args:
            squares: uint8 array `(n, side, side, 3)` for each of `image_sizes`, the
                same photos letterboxed.
            photo_sizes: Heights and widths of the photos, integers `(n, 2)`.

        Returns:
            What `Task.fuse` gives, boxes xyxy in pixels of the photos.
        """
        answers = []
        for images in squares:
            side = images.shape[1]
            model = self._models[side]
            for mirrored in self._mirrorings:
                # In the order of memory: torch takes no negative strides.
                seen = np.ascontiguousarray(images[:, :, ::-1]) if mirrored else images
                found = predict_any_batch(model, seen, self._batch_size)
                corners = boxes_in_photos(
                    model, found["boxes"], photo_sizes, side, mirrored
                )
                answers.append({**found, "boxes": corners})
        return self.task.fuse(answers)
