"""Lists of photos in a run folder, and their labels, checked when a run resumes."""

import collections
import hashlib

import pipelines
from ssl_voc.cli.errors import BadInput


def list_photos(run, name, photos, hashes, flag="--data"):
    """Writes a list of photos, or finds that it stands there already.

    Args:
        run: The `RunFolder`.
        name: Name of the file.
        photos: Sequence of `pipelines.Photo`.
        hashes: Perceptual hash of each photo.
        flag: What names the photos.

    The same photos in another place, or of a source by another name, are the same.

    Raises:
        BadInput: when the run goes on and its list has other photos, or the same in
            another order: it would see photos twice, or held-out ones in training.
    """
    text = pipelines.photo_table(photos, hashes)
    path = run.path / name
    if run.resuming and path.exists():
        recorded = path.read_bytes().decode("utf-8", "replace")
        if _without_sources(recorded) != _without_sources(text):
            raise BadInput(
                f"{flag}: the photos are not those the run began with, which "
                f"{path} lists: {_differences(recorded, text)}. Bring them back, or "
                "begin anew with --overwrite."
            )
        run.hold_text(name, text)
    else:
        run.write_text(name, text)


def refuse_other_labels(run, *labels):
    """Finds that boxes and classes are those with which the run began, or notes them.

    With others the run would be neither the one that began nor a new one.

    Args:
        run: The `RunFolder`.
        *labels: `(class_names, arrays)` of each pool of photos.

    Raises:
        BadInput: when the run goes on and they are others.
    """
    digest = hashlib.sha256()
    for class_names, arrays in labels:
        digest.update(repr(class_names).encode())
        for array in arrays:
            digest.update(array.tobytes())
    found, recorded = digest.hexdigest(), run.manifest.get("labels_sha256")
    if run.resuming and recorded not in (None, found):
        raise BadInput(
            f"--data: the photos are those that {run.path} began with, but their boxes "
            "or classes are not. Bring them back, or begin anew with --overwrite."
        )
    run.update_manifest(labels_sha256=found)


def _without_sources(table):
    """Ids and hashes, in their order."""
    rows = [line.split("\t") for line in table.split("\n")]
    return [(row[0], row[-1]) for row in rows]


def _differences(recorded, found):
    """What differs between two tables, in numbers."""
    before, after = _photos_in(recorded), _photos_in(found)
    counts = {
        "gone": (before - after).total(),
        "new": (after - before).total(),
    }
    if not any(counts.values()):
        rows, others = map(_without_sources, (recorded, found))
        counts["changed"] = (
            collections.Counter(rows) - collections.Counter(others)
        ).total()
    words = [f"{count} {what}" for what, count in counts.items() if count]
    return ", ".join(words) or "they come in another order"


def _photos_in(table):
    """How often each id is listed."""
    lines = table.split("\n")[1:]
    return collections.Counter(line.split("\t")[0] for line in lines if line)
