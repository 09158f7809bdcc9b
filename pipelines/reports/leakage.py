"""Leakage: photos to be evaluated that training saw, in this or nearly this form."""

import dataclasses

from pipelines.images.near_duplicates import (
    MAX_DISTANCE,
    find_near_duplicates,
    is_informative,
)

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
            f"have a near-duplicate among the {self.num_seen} of {self.seen} "
            f"(perceptual hashes: up to {self.max_distance} of 64 bits differ; "
            f"{self.num_not_compared} flat photos not compared)"
        ]
        for photo in self.photos[:NUM_EXAMPLES]:
            lines.append(f"  {photo.name} is {photo.seen_as} ({photo.distance} bits)")
        return "\n".join(lines)


def find_leakage(training, evaluation) -> Leakage:
    """Looks for the photos of a `Pool` of evaluation photos in one of the training."""
    seen = f"the training photos {training.photos.name}"
    names = [photo.path_name for photo in training.photos]
    return _find(seen, True, names, training.hashes, evaluation)


def find_leakage_in_table(table, labelled, evaluation) -> Leakage:
    """Looks for the photos of a `Pool` among those that an earlier run recorded.

    Args:
        table: `PhotoTable` of the photos that it saw, see `read_photo_table`.
        labelled: Whether it saw them with their labels.
        evaluation: `Pool` of the photos to be evaluated.
    """
    pairs = zip(table.sources, table.image_ids, strict=True)
    names = [f"{source}/{image_id}" for source, image_id in pairs]
    return _find(table.path_name, labelled, names, table.hashes, evaluation)


def _find(seen, labelled, names, hashes, evaluation):
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
