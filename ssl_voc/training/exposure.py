"""Photos that the weights of a run have seen, listed in the run that goes on with them.

A pretraining may go on from another one, or learn from a teacher that was pretrained:
what these saw is handed on, so that an evaluation at the end of the chain knows of it.
"""

import pipelines
from ssl_voc.runs.finished_run import (
    POOL_LIST,
    PRETRAINING_LIST,
    PRETRAINING_UNLABELED_LIST,
)
from ssl_voc.runs.start_rules import read_manifest


def inherit_exposure(run, origins):
    """Writes the lists of the photos that weights saw, with labels and without.

    A run that goes on keeps the lists that it has: its origins may be gone.

    Args:
        run: The `RunFolder`.
        origins: Paths of run folders, or files of weights, in them or elsewhere. What
            is no run tells nothing.

    Returns:
        Dictionary from the name of a list, `PRETRAINING_LIST` or
        `PRETRAINING_UNLABELED_LIST`, to its `PhotoTable`; without empty ones.

    Raises:
        ValueError: when a list is damaged.
    """
    names = PRETRAINING_LIST, PRETRAINING_UNLABELED_LIST
    paths = [run.path / name for name in names]
    if not (run.resuming and any(path.exists() for path in paths)):
        for path, tables in zip(paths, _tables_of(origins), strict=True):
            # A start that was refused may have left lists of other weights.
            path.unlink(missing_ok=True)
            if tables:
                run.write_text(path.name, pipelines.join_photo_tables(tables))
    return {p.name: pipelines.read_photo_table(p) for p in paths if p.exists()}


def _tables_of(origins):
    """Lists of `PhotoTable`s: what was seen with labels, and without."""
    labeled, unlabeled = [], []
    for origin in origins:
        # The file of a run is as good as its folder.
        in_run = origin.is_file() and read_manifest(origin.parent)
        folder = origin.parent if in_run else origin
        # Where a pretraining does not tell, labels were seen.
        with_labels = (read_manifest(folder) or {}).get("uses_labels", True)
        for name, tables in (
            (POOL_LIST, labeled if with_labels else unlabeled),
            (PRETRAINING_LIST, labeled),
            (PRETRAINING_UNLABELED_LIST, unlabeled),
        ):
            if (folder / name).is_file():
                tables.append(pipelines.read_photo_table(folder / name))
    return labeled, unlabeled
