"""Evaluation of task `detect`."""

import numpy as np

from ssl_voc.evaluate.blind_baselines import predict_gray
from ssl_voc.evaluate.detection.blind_rows import measure_blind
from ssl_voc.evaluate.detection.false_alarms import (
    PROTOCOLS,
    count_false_alarms,
    format_false_alarms,
)
from ssl_voc.evaluate.detection.gallery import PICTURES, draw_galleries
from ssl_voc.evaluate.detection.matching import measure_detections
from ssl_voc.evaluate.detection.plots import (
    draw_average_precision,
    draw_detection_confusions,
    draw_precision_recall,
)
from ssl_voc.evaluate.detection.records import coco_results, image_rows
from ssl_voc.evaluate.detection.summary import (
    NUM_RESAMPLES,
    count_all,
    summarize,
)
from ssl_voc.evaluate.detection.table import format_detection
from ssl_voc.evaluate.run import EvaluationRun
from ssl_voc.metrics import confusion_counts, score_matches
from ssl_voc.predict.config import DETECTOR_THRESHOLD


class Evaluation(EvaluationRun):
    """Evaluation of any number of boxes for each photo."""

    main_measure = "voc10_ap50"
    counts = {
        "num_without_objects": "without an object, kept: what is detected there is "
        "false",
        "num_at_limit": "with {max_detections} detections, as many as the model gives: "
        "more may be cut, of confidence up to {confidence_at_limit:.3f}",
    }

    def count_classes(self, predicted):
        num_classes = getattr(self.model, "num_classes", len(self.pool.class_names))
        return max(num_classes, int(np.max(predicted["classes"], initial=-1)) + 1)

    def measure(self, predicted):
        found = measure_detections(self.pool.photos, self.pool.class_names, predicted)
        self._found = found
        if not len(found.matches.objects.images):
            return self._measure_false_alarms(found, predicted)
        gray = predict_gray(self.model, self.pool.original_sizes, self.pool.image_size)
        gray["boxes"] = self._in_photos(gray["boxes"])
        metrics = summarize(found, self.config.seed)
        metrics["blind"] = measure_blind(
            found, gray, self.training_photos(), NUM_RESAMPLES, self.config.seed
        )
        metrics |= limit_of_detections(predicted)
        for name in ("score_threshold", "nms_iou_threshold"):
            metrics[name] = getattr(self.model, name, None)
        threshold = metrics["threshold"]
        self.write_records(coco_results(found), image_rows(found, threshold))
        return metrics

    def draw(self, metrics):
        found, threshold = self._found, metrics["threshold"]
        path = self.folder.path
        draw_galleries(found, threshold, path)
        if "false_alarms" in metrics:
            return  # of photos without any object there are no curves
        draw_average_precision(metrics, path / "per_class.png")
        curves = score_matches(found.matches, "voc10").curves
        draw_precision_recall(curves, metrics, path / "precision_recall.png")
        draw_detection_confusions(
            confusion_counts(found.matches, threshold),
            found.class_names,
            threshold,
            path / "confusion_matrix.png",
        )

    def _measure_false_alarms(self, found, predicted):
        """What can be said of photos without any object."""
        metrics = {
            **count_all(found),
            "false_alarms": count_false_alarms(found, self.config.seed),
            "threshold": DETECTOR_THRESHOLD,  # for counts by photo, and pictures
            **limit_of_detections(predicted),
            "protocol": PROTOCOLS,
        }
        rows = image_rows(found, DETECTOR_THRESHOLD)
        self.write_records(coco_results(found), rows)
        return metrics

    @staticmethod
    def measure_ranked(photos, class_names, ranked):
        predicted = {**ranked, "confidence": ranked["scores"]}
        matches = measure_detections(photos, class_names, predicted).matches
        return float(score_matches(matches, "voc10").mean)

    def predict_flags(self, metrics):
        return f" --threshold {metrics['threshold']}"

    def describe(self, metrics):
        galleries = [f"gallery_{name}.png" for name in PICTURES]
        if "false_alarms" in metrics:
            return format_false_alarms(metrics), galleries[::-1]
        plots = ["precision_recall.png", "per_class.png", "confusion_matrix.png"]
        return format_detection(metrics), [*plots, *galleries]


def limit_of_detections(predicted):
    """What `max_detections` may have cut: of how many photos, up to which score."""
    exists = predicted["classes"] >= 0  # (num_photos, max_detections)
    is_full = exists.all(axis=1)
    cut = predicted["confidence"][is_full].min(axis=1, initial=np.inf)
    return {
        "max_detections": exists.shape[1],
        "num_at_limit": int(is_full.sum()),
        "confidence_at_limit": float(cut.max(initial=0.0)),
    }
