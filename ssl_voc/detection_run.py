"""An evaluation of task `detect`: figures, records and pictures of one run."""

import keras
import numpy as np

from ssl_voc.detection_evaluation import measure_detections
from ssl_voc.detection_figures import summarize
from ssl_voc.detection_gallery import PICTURES, draw_galleries
from ssl_voc.detection_plots import (
    draw_average_precision,
    draw_detection_confusions,
    draw_precision_recall,
)
from ssl_voc.detection_records import coco_results, image_rows
from ssl_voc.detection_table import format_detection
from ssl_voc.evaluation_run import EvaluationRun
from ssl_voc.metrics import confusion_counts, score_matches
from ssl_voc.runs.errors import BadInput


class DetectionRun(EvaluationRun):
    """An evaluation of task `detect`: any number of boxes for each photo."""

    counts = {
        "num_without_objects": "without an object, kept: what is detected there is "
        "false",
        "num_at_limit": "with as many detections as the model may give, so that more "
        "may have been cut; see max_detections in metrics.json",
    }

    def count_classes(self, predicted):
        num_classes = getattr(self.model, "num_classes", len(self.pool.class_names))
        return max(num_classes, int(np.max(predicted["classes"], initial=-1)) + 1)

    def predict(self):
        # Suppression drops scores that are no numbers, and nothing would be told.
        spoilt = [
            weight.path
            for weight in self.model.weights
            if not np.isfinite(keras.ops.convert_to_numpy(weight)).all()
        ]
        if spoilt:
            raise BadInput(
                f"RUN: {self.finished.path / 'model.keras'} holds weights that are no "
                f"numbers, in {len(spoilt)} of {len(self.model.weights)} places, first "
                f"{spoilt[0]}. Train it again, at a lower learning rate."
            )
        return super().predict()

    def measure(self, predicted):
        found = measure_detections(
            self.pool.photos,
            self.pool.class_names,
            {**predicted, "boxes": self._in_photos(predicted["boxes"])},
        )
        print("measuring and drawing", flush=True)
        metrics = summarize(found, self.config.seed)
        num_places = predicted["classes"].shape[1]
        num_detections = np.sum(predicted["classes"] >= 0, axis=1)
        metrics["max_detections"] = num_places
        metrics["num_at_limit"] = int(np.sum(num_detections >= num_places))
        threshold = metrics["threshold"]
        self.write_records(coco_results(found), image_rows(found, threshold))
        path = self.folder.path
        draw_average_precision(metrics, path / "per_class.png")
        curves = score_matches(found.matches, "voc10").curves
        draw_precision_recall(curves, metrics, path / "precision_recall.png")
        draw_detection_confusions(
            confusion_counts(found.matches, threshold),
            found.class_names,
            threshold,
            path / "confusion_matrix.png",
        )
        draw_galleries(found, threshold, path)
        return metrics

    def describe(self, metrics):
        galleries = [f"gallery_{name}.png" for name in PICTURES]
        plots = ["precision_recall.png", "per_class.png", "confusion_matrix.png"]
        return format_detection(metrics), [*plots, *galleries]
