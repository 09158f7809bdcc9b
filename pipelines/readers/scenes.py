"""Reader of the drawn scenes, the data set that the project makes itself."""

from pipelines.readers import voc

KIND = "scenes"
IS_KEYWORD = True


def recognizes(source):
    """Whether the source is the keyword `"scenes"`."""
    return isinstance(source, str) and source == "scenes"


def splits(source):
    """`train` and `val`, and `all` for both."""
    return ("train", "val", "all")


def read(source, split=None, progress=None):
    """Reads the scenes, which are drawn when they are first asked for."""
    from pipelines.scenes import dataset

    tree = dataset.scenes_folder(progress=progress)
    return voc.read(tree, split).renamed("scenes")
