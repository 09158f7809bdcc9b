"""Lists of photos in a run folder, checked when a run resumes."""

import collections

import pipelines
from ssl_voc.cli.errors import BadInput


def list_photos(run, name, photos, hashes):
    """Writes a list of photos, or finds that it stands there already.

    Args:
        run: The `RunFolder`.
        name: Name of the file.
        photos: Sequence of `pipelines.Photo`.
        hashes: Perceptual hash of each photo.

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
                "--data: the photos are not those the run began with, which "
                f"{path} lists: {_differences(recorded, text)}. Bring them back, or "
                "begin anew with --overwrite."
            )
    run.write_text(name, text)


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
        rows = collections.Counter(recorded.split("\n")[1:])
        counts["changed"] = (rows - collections.Counter(found.split("\n")[1:])).total()
    words = [f"{count} {what}" for what, count in counts.items() if count]
    return ", ".join(words) or "they come in another order"


def _photos_in(table):
    """How often each pair of id and source is listed."""
    rows = [line.split("\t") for line in table.split("\n")[1:] if line]
    return collections.Counter(tuple(row[:2]) for row in rows)
