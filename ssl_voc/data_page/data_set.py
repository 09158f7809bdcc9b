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
        """Photos without an annotation that can be used, of a set that has some."""
        if self.pool.class_names is None:
            return []  # photos to learn from without labels
        left = {photo.path_name for photo in self.pool.photos}
        left |= {photo.path_name for photo in self.pool.left_out}
        left |= {problem.path_name for problem in self.pool.skipped}
        return [photo for photo in self.photos if photo.path_name not in left]
