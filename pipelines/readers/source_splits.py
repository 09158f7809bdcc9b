"""Names of the splits that a source of photos has."""

import re
from pathlib import Path

# The lists beside a VOC tree's own that hold the photos of one class.
_LIST_OF_CLASS = re.compile(r".+_(train|val|trainval|test)$")


def splits_of(source):
    """Names of the splits that a source can be asked for; empty if it has none.

    Args:
        source: Anything that `--data` takes. Of a TensorFlow data set, which only
            tensorflow-datasets can list, the usual names are given.

    Raises:
        ValueError: when there is no such source.
    """
    from pipelines.readers.folder import OTHER_SPLITS
    from pipelines.readers.voc import voc_trees

    if source == "scenes":
        return ("train", "val", "all")
    if source.startswith("tfds:"):
        return ("train", "validation", "test")
    path = Path(source).expanduser()
    if not path.exists():
        raise ValueError(f"--data: {source} does not exist. Name labelled photos.")
    if not path.is_dir():
        return ()
    trees = voc_trees(path)
    if not trees:
        found = [name for name in OTHER_SPLITS if (path / name).is_dir()]
        return ("train", *found) if found and (path / "train").is_dir() else ()
    lists = [
        {file.stem for file in (tree / "ImageSets" / "Main").glob("*.txt")}
        for tree in trees
    ]
    common = sorted(set.intersection(*lists))
    common = [name for name in common if not _LIST_OF_CLASS.match(name)]
    return (*common, "all") if common else ()
