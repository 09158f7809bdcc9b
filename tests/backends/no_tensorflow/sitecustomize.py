"""Makes tensorflow not importable; Python runs this at start from its search path."""

import sys
from importlib.machinery import PathFinder

ABSENT = ("tensorflow", "tensorflow_datasets", "keras_cv", "tensorboard")


class FinderWithoutTensorFlow(PathFinder):
    """Finds those packages nowhere, as where they are not installed."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            return None
        return super().find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = FinderWithoutTensorFlow
