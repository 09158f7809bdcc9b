"""Report of training and evaluation photos: counts, problems, leakage."""

import dataclasses

from pipelines.reports.leakage import Leakage, find_leakage, find_leakage_in_table
from pipelines.reports.set_report import SetReport, report_set


@dataclasses.dataclass(frozen=True, slots=True)
class DataReport:
    """Report of the photos of a training.

    Attributes:
        training: `SetReport` of the training photos, or None.
        evaluation: `SetReport` of the evaluation photos, or None.
        leakages: A `Leakage` for each set that training saw.
    """

    training: SetReport | None
    evaluation: SetReport | None
    leakages: tuple[Leakage, ...]

    @property
    def num_leaked(self) -> int:
        """Number of evaluation photos that were seen with labels."""
        return len(self._indices(labelled=True))

    @property
    def num_seen_without_labels(self) -> int:
        """Number of evaluation photos that were seen, but never with labels."""
        return len(self._indices(labelled=False) - self._indices(labelled=True))

    def _indices(self, labelled):
        parts = [part for part in self.leakages if part.labelled == labelled]
        return {photo.index for part in parts for photo in part.photos}

    def as_dict(self) -> dict:
        """The report as numbers, texts, lists and dicts, for json."""
        return {
            **dataclasses.asdict(self),
            "num_leaked": self.num_leaked,
            "num_seen_without_labels": self.num_seen_without_labels,
        }

    def text(self) -> str:
        """The report for people, in lines."""
        parts = []
        if self.training is not None:
            parts.append("training: " + self.training.text())
        if self.evaluation is not None:
            parts.append("evaluation: " + self.evaluation.text())
        if self.evaluation is not None and not self.leakages:
            parts.append("leakage: not checked, there is nothing to compare with")
        parts += [part.text() for part in self.leakages]
        return "\n".join(parts)


def report_data(
    training=None, evaluation=None, seen=(), seen_without_labels=()
) -> DataReport:
    """Counts what is in the data and what is wrong, and looks for leakage.

    Leakage is looked for where photos were decoded (pools have hashes): between the
    training and the evaluation photos, and between what earlier runs saw and the
    evaluation photos. Photos that were seen without labels are told apart: no answer
    was given away.

    Args:
        training: `Pool` or `Photos`, or None.
        evaluation: The same, for the photos whose figures are reported.
        seen: `PhotoTable`s that earlier runs recorded of photos with labels, such as
            the `training_photos.tsv` of a fine-tuning, see `read_photo_table`.
        seen_without_labels: `PhotoTable`s such as the `photos.tsv` of a self-supervised
            pretraining.

    Raises:
        ValueError: If there are tables, but no evaluation photos with hashes to
            compare them with.
    """
    evaluated = getattr(evaluation, "hashes", None)
    leakages = []
    if getattr(training, "hashes", None) is not None and evaluated is not None:
        leakages.append(find_leakage(training, evaluation))
    tables = [(table, True) for table in seen]
    tables += [(table, False) for table in seen_without_labels]
    for table, labelled in tables:
        if evaluated is None:
            raise ValueError(
                f"The photos of {table.path_name} can only be compared with a pool "
                f"of evaluation photos. Received: {type(evaluation).__name__}"
            )
        leakages.append(find_leakage_in_table(table, labelled, evaluation))
    return DataReport(
        None if training is None else report_set(training),
        None if evaluation is None else report_set(evaluation),
        tuple(leakages),
    )
