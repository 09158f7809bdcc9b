"""Exposure: which reported photos each arm saw before, with labels or without."""

import pipelines
from pipelines.pools.preparation import prepare_for_hashes
from ssl_voc.pretrain.objectives.registry import OBJECTIVES
from ssl_voc.runs.finished_run import (
    HELD_OUT_LIST,
    POOL_LIST,
    PRETRAINING_LIST,
    PRETRAINING_UNLABELED_LIST,
    TRAINING_LIST,
)
from ssl_voc.study.plan import pretraining_cells


def find_exposure(plan, cells, folder):
    """Counts the photos of each pool and labelled set, and the reported ones in it.

    Near-duplicates count as the same photo.

    Args:
        plan: A `Plan`.
        cells: List of its `Cell`s that are done.
        folder: Path of the folder of all cells.

    Returns:
        List of dictionaries: `"photos"`, what they are; `"labelled"`, whether they were
        seen with labels; `"num_photos"`; `"num_reported"`, how many of the
        `"of_reported"` photos are among them, None where that cannot be found out;
        `"before_the_study"` where weights or teachers had seen them.
    """
    hashes = _reported_hashes(plan, cells, folder)
    rows = [
        {**_row(*each, hashes), "before_the_study": True}
        for each in _seen_before_the_study(plan, cells, folder)
    ]
    for cell in cells:
        if cell.kind == "pretrain":
            labelled = OBJECTIVES[dict(cell.settings)["--objective"]].uses_labels
            path = cell.run_folder(folder) / POOL_LIST
            rows.append(_row(cell.full_title, labelled, path, hashes))
    for share in plan.grid.shares:
        own = [c for c in cells if c.kind == "finetune" and c.share == share]
        if own:
            path = own[0].run_folder(folder) / TRAINING_LIST
            title = f"{plan.count(share)} labels, seed {own[0].seed}, of all arms"
            rows.append(_row(title, True, path, hashes))
    return rows


def _seen_before_the_study(plan, cells, folder):
    """What the weights of paths, and teachers, have seen.

    Args:
        plan: A `Plan`.
        cells: List of its `Cell`s that are done.
        folder: Path of the folder of all cells.

    Yields:
        Tuples of what they are, whether the photos were seen with labels, and the path
        of their list.
    """
    lists = {PRETRAINING_LIST: True, PRETRAINING_UNLABELED_LIST: False}
    for arm in plan.arms:
        # The first run that begins with them: later ones list what it learned, too.
        if chain := pretraining_cells(plan, arm):
            own = [cell for cell in cells if cell.key == chain[0].key]
        else:
            own = [c for c in cells if (c.kind, c.arm) == ("finetune", arm.name)]
        if not own:
            continue
        for name, labelled in lists.items():
            path = own[0].run_folder(folder) / name
            if path.is_file():
                yield f"The start or teacher of {arm.name}", labelled, path


def _row(title, labelled, path, hashes):
    table = pipelines.read_photo_table(path)
    row = {"photos": title, "labelled": labelled, "num_photos": len(table.hashes)}
    found = None
    if hashes is not None:
        found = len(pipelines.find_near_duplicates(hashes, table.hashes))
    size = None if hashes is None else len(hashes)
    return {**row, "num_reported": found, "of_reported": size}


def _reported_hashes(plan, cells, folder):
    """Perceptual hashes of the reported photos; None where these are gone."""
    named = dict(plan.evaluation).get("--split")
    if named is None:
        own = [cell for cell in cells if cell.kind == "finetune"]
        if not own:
            return None  # nothing is held out yet
        path = own[0].run_folder(folder) / HELD_OUT_LIST
        return pipelines.read_photo_table(path).hashes
    try:
        photos = pipelines.read([*dict(plan.common)["--data"]], named)
        return prepare_for_hashes(photos).hashes
    except (OSError, ValueError) as error:
        print(f"the reported photos are not at hand: {error}")
        return None
