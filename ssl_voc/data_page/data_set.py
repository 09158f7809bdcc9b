"""One set of the data, as the page shows it."""

import dataclasses

import pipelines


@dataclasses.dataclass(frozen=True)
class DataSet:
    """One split of the data, or all of it.

    Attributes:
        name: Name of the split.
        photos: `pipelines.Photos` as they were read.
        pool: `pipelines.Pool` of those that can be decoded; without boxes where no
            photo has one.
    """

    name: str
    photos: pipelines.Photos
    pool: pipelines.Pool

    @property
    def not_annotated(self):
        """The photos whose annotation is missing or could not be read."""
        return [photo for photo in self.photos if not photo.annotated]
