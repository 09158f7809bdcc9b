"""Evaluation of task `localize`."""

import numpy as np

from ssl_voc.evaluate.blind_baselines import predict_gray
from ssl_voc.evaluate.localization import measures
from ssl_voc.evaluate.localization.blind_rows import measure_blind
from ssl_voc.evaluate.localization.gallery import GALLERIES, draw_galleries
from ssl_voc.evaluate.localization.plots import draw_confusions, draw_per_class
from ssl_voc.evaluate.localization.table import format_localization
from ssl_voc.evaluate.run import EvaluationRun
from ssl_voc.tasks import scores_by_class


class Evaluation(EvaluationRun):
    """Evaluation of a class and a box for each photo."""

    main_measure = "mean_iou"
    counts = {"num_left_out": "without a main object left out"}

    def count_classes(self, predicted):
        return predicted["scores"].shape[1]

    def measure(self, predicted):
        self._found = found = measures.measure_localizations(
            self.pool.photos,
            self.pool.class_names,
            predicted["scores"],
            predicted["boxes"][:, 0],
        )
        finite = np.isfinite(found.scores).all(1) & np.isfinite(found.boxes_pred).all(1)
        metrics = measures.summarize(found, self.config.seed)
        gray = predict_gray(self.model, self.pool.original_sizes, self.pool.image_size)
        metrics["blind"] = measure_blind(
            found,
            self._in_photos(gray["boxes"])[:, 0],
            self.training_photos(),
            self.config.seed,
        )
        metrics["num_not_finite"] = int((~finite).sum())
        metrics["num_left_out"] = len(self.pool.left_out)
        self.write_records(measures.coco_results(found), measures.image_rows(found))
        return metrics

    def draw(self, metrics):
        found, path = self._found, self.folder.path
        draw_per_class(metrics, path / "per_class.png")
        draw_confusions(
            measures.count_confusions(found),
            found.class_names,
            path / "confusion_matrix.png",
        )
        draw_galleries(found, path)

    @staticmethod
    def measure_ranked(photos, class_names, ranked):
        scores = scores_by_class(ranked, len(class_names))
        found = measures.measure_localizations(
            photos, class_names, scores, ranked["boxes"][:, 0]
        )
        return float(np.mean(found.measures["mean_iou"]))

    def describe(self, metrics):
        galleries = [f"gallery_{gallery.name}.png" for gallery in GALLERIES]
        pictures = ["per_class.png", "confusion_matrix.png", *galleries]
        return format_localization(metrics), pictures
