"""Report of a data set: a page for people, and the same as text and numbers."""

import dataclasses

import pipelines
from pipelines.readers.labelled_source import tell_of_labelled_source
from ssl_voc.data_page import pictures
from ssl_voc.data_page.object_sides import IMAGE_SIZES, SIDE, share_by_size
from ssl_voc.visualization.page import format_page

NUM_PHOTOS, NUM_BOXES, NUM_TROUBLES = 24, 12, 24


@dataclasses.dataclass(frozen=True)
class DataPage:
    """What a data set holds, for people and for programs.

    Attributes:
        text: Lines.
        html: A self-contained HTML page, with pictures.
        numbers: Dictionary for json.
    """

    text: str
    html: str
    numbers: dict


def report_data_sets(sets, image_size=None):
    """Looks at the sets and reports them.

    Args:
        sets: List of `DataSet`: those that a model learns from before those that it is
            measured on.
        image_size: Side in pixels at which boxes are learned: classes whose boxes are
            small then are named. `None` where boxes are not learned.

    Returns:
        `DataPage`.
    """
    reports = {each.name: pipelines.report_set(each.pool) for each in sets}
    near_duplicates = {
        each.name: pipelines.find_near_duplicates(each.pool.hashes) for each in sets
    }
    between = _leakages(sets)
    shares = share_by_size(
        [photo for each in sets for photo in each.pool.photos],
        sorted({*IMAGE_SIZES, *([image_size] if image_size else [])}),
    )
    alarms = [*_alarms(sets, near_duplicates)]
    if image_size:
        alarms += filter(None, [tell_of_empty_photos(reports)])
        alarms += _small_classes(shares, image_size)
    alarms += [
        f"{other.name} in {one.name}: {part.text()}\n  Leave them in one of both: "
        "figures on photos that were learned from are too good"
        for one, other, part in between
        if part.photos
    ]
    texts = [f"{each.name}: {reports[each.name].text()}" for each in sets]
    sections = [
        ("What to look at", [("alarm", line) for line in alarms or ["Nothing."]])
    ]
    for each in sets:
        sections += _sections_of(each, reports[each.name], near_duplicates[each.name])
    for one, other, part in between:
        if part.photos:
            rows = pictures.leaked_pairs(
                one.pool, other.pool, part.photos[:NUM_TROUBLES]
            )
            sections.append((f"{other.name}: also in {one.name}", [("rows", rows)]))
    if shares:
        sections.append(("Image size", [("table", _size_table(shares))]))
    return DataPage(
        "\n".join([*texts, *alarms, _size_table(shares)]),
        format_page("Data: " + _title(sets), sections, num_tiles=1),
        {
            "sets": {name: dataclasses.asdict(part) for name, part in reports.items()},
            "near_duplicates": {
                each.name: [
                    {
                        **dataclasses.asdict(pair),
                        "name": each.pool.photos[pair.index].path_name,
                        "like": each.pool.photos[pair.other_index].path_name,
                    }
                    for pair in near_duplicates[each.name]
                ]
                for each in sets
            },
            "between_sets": [
                {"set": other.name, "seen_in": one.name, **dataclasses.asdict(part)}
                for one, other, part in between
            ],
            "share_of_boxes_by_image_size": shares,
        },
    )


def _title(sets):
    return " and ".join(dict.fromkeys(each.photos.name for each in sets))


def _alarms(sets, near_duplicates):
    """What a person should look at before training, a line each."""
    for each in sets:
        num_repeated = len(near_duplicates[each.name])
        counts = {
            "photos not annotated: their boxes are not known": len(each.not_annotated),
            "photos nearly the same as another one of the set (near-duplicates): in "
            "pairs on the page, all in report.json of `inspect`. Delete one of each "
            "pair, or keep both in one split": num_repeated,
        }
        if source := tell_of_labelled_source(each.photos):
            yield f"{each.name}:{source}"
        if skipped := each.pool.skipped:
            what = f"{len(skipped)} photos that cannot be read"
            yield f"{each.name}: {what}, such as {skipped[0]}"
        for what, number in counts.items():
            if number:
                yield f"{each.name}: {number} {what}"
        problems = {}
        for problem in each.pool.problems:
            problems.setdefault(problem.kind, []).append(problem)
        for kind, found in problems.items():
            yield f"{each.name}: {len(found)} x {kind}, such as {found[0]}"


def tell_of_empty_photos(reports):
    """A line where no photo is known to show nothing, else None.

    Args:
        reports: Dictionary from names of sets to their `pipelines.SetReport`.
    """
    full = [
        name
        for name, part in reports.items()
        if part.num_boxes and not part.num_without_boxes
    ]
    if not full:
        return None
    whose = "" if len(full) == len(reports) else f"{' and '.join(full)}: "
    return (
        f"{whose}every photo holds an object: false alarms on photos without any are "
        "neither taught nor measured by these. Add photos that show none, listed "
        "without boxes"
    )


def _small_classes(shares, image_size):
    """Classes most of whose boxes are too small at an image size, a line each."""
    for name, row in shares.items():
        if row[image_size] < 0.5:
            large = [size for size, share in row.items() if share >= 0.5]
            cure = f"--image-size {large[0]} or more" if large else "cut the photos"
            yield (
                f"{name}: {1 - row[image_size]:.0%} of the boxes are narrower than "
                f"{SIDE} px at --image-size {image_size}: {cure}"
            )


def _sections_of(each, report, pairs):
    """Headings and parts of one set."""
    photos = each.pool.photos
    shown = [photos[int(i)] for i in pipelines.choose_varied(photos, NUM_PHOTOS)]
    parts = {
        f"{each.name}: {len(each.photos)} photos": [
            ("table", report.text()),
            ("rows", [[pictures.photo_with_boxes(photo)] for photo in shown]),
        ]
    }
    boxes = pictures.boxes_by_side(photos)
    galleries = {
        "smallest boxes": [[tile] for tile in pictures.box_tiles(boxes[:NUM_BOXES])],
        "largest boxes": [[tile] for tile in pictures.box_tiles(boxes[-NUM_BOXES:])],
        "dropped, repaired or doubtful": pictures.troubled(each, NUM_TROUBLES),
        "not annotated": [
            [pictures.photo_with_boxes(photo)]
            for photo in each.not_annotated[:NUM_TROUBLES]
        ],
        "near-duplicates": pictures.pairs(photos, pairs[:NUM_TROUBLES]),
    }
    for heading, rows in galleries.items():
        if rows:
            parts[f"{each.name}: {heading}"] = [("rows", rows)]
    return [*parts.items()]


def _leakages(sets):
    """`(earlier set, later set, Leakage)` of each pair."""
    found = []
    for number, other in enumerate(sets):
        for one in sets[:number]:
            part = pipelines.find_leakage(one.pool, other.pool)
            found.append((one, other, part))
    return found


def _size_table(shares):
    """How many boxes are large enough at which image size, as text."""
    if not shares:
        return "no boxes"
    lines = [f"boxes whose shorter side is {SIDE} px or more, by --image-size:"]
    sizes = [*next(iter(shares.values()))]
    width = max(5, *map(len, shares))
    lines.append(f"  {'class':{width}}" + "".join(f"{size:>7}" for size in sizes))
    for name, row in shares.items():
        values = "".join(f"{row[size]:>7.0%}" for size in sizes)
        lines.append(f"  {name:{width}}{values}")
    return "\n".join(lines)
