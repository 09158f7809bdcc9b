"""Report of training and evaluation photos: counts, problems, leakage."""

import dataclasses

from pipelines.images.near_duplicates import (
    MAX_DISTANCE,
    find_near_duplicates,
    is_informative,
)
from pipelines.reports.set_report import SetReport, report_set

NUM_EXAMPLES = 3


@dataclasses.dataclass(frozen=True, slots=True)
class LeakedPhoto:
    """A photo to be evaluated that training saw, in this or nearly this form.

    Attributes:
        index: Its index among the evaluation photos.
        name: Its place.
        seen_as: Place, or source and id, of the photo that training saw.
        distance: Number of bits of 64 in which their perceptual hashes differ.
    """

    index: int
    name: str
    seen_as: str
    distance: int


@dataclasses.dataclass(frozen=True, slots=True)
class Leakage:
    """Near-duplicates of evaluation photos in one set that training saw.

    Attributes:
        seen: Name of that set.
        labelled: Whether it was seen with its labels.
        num_seen: Number of its photos.
        num_evaluated: Number of evaluation photos.
        num_not_compared: Number of photos of both whose hash says nothing (flat).
        max_distance: Number of bits that near-duplicates may differ in.
        photos: The evaluation photos that leak, with the nearest that was seen.
    """

    seen: str
    labelled: bool
    num_seen: int
    num_evaluated: int
    num_not_compared: int
    max_distance: int
    photos: tuple[LeakedPhoto, ...]

    def text(self) -> str:
        """The leakage for people, in lines."""
        what = "leakage" if self.labelled else "seen without labels"
        lines = [
            f"{what}: {len(self.photos)} of {self.num_evaluated} evaluation photos "
            f"have a near-duplicate among the {self.num_seen} of {self.seen} (up to "
            f"{self.max_distance} of 64 bits differ; {self.num_not_compared} flat "
            "photos not compared)"
        ]
        for photo in self.photos[:NUM_EXAMPLES]:
            lines.append(f"  {photo.name} is {photo.seen_as} ({photo.distance} bits)")
        return "\n".join(lines)


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
        names = [
            f"{s}/{i}" for s, i in zip(table.sources, table.image_ids, strict=True)
        ]
        told = (table.path_name, labelled, names, table.hashes)
        leakages.append(_leakage(*told, evaluation))
    return DataReport(
        None if training is None else report_set(training),
        None if evaluation is None else report_set(evaluation),
        tuple(leakages),
    )


def find_leakage(training, evaluation) -> Leakage:
    """Looks for the photos of a `Pool` of evaluation photos in one of the training."""
    label = f"the training photos {training.photos.name}"
    names = [photo.path_name for photo in training.photos]
    return _leakage(label, True, names, training.hashes, evaluation)


def _leakage(seen, labelled, names, hashes, evaluation):
    found = find_near_duplicates(evaluation.hashes, hashes)
    both = (hashes, evaluation.hashes)
    flat = sum(int((~is_informative(part)).sum()) for part in both)
    photos = tuple(
        LeakedPhoto(
            match.index,
            evaluation.photos[match.index].path_name,
            names[match.other_index],
            match.distance,
        )
        for match in found
    )
    num_evaluated = len(evaluation.hashes)
    counts = (len(names), num_evaluated, flat)
    return Leakage(seen, labelled, *counts, MAX_DISTANCE, photos)
