"""Text, page section and contact sheets of a search for shortcuts."""

import re
import textwrap

import numpy as np
from PIL import Image
from scipy import ndimage

from ssl_voc.explain.gallery import SIDE
from ssl_voc.explain.shortcuts.inpainting import inpaint
from ssl_voc.explain.shortcuts.scan import outside_of
from ssl_voc.visualization.contact_sheet import Tile, draw_contact_sheet, fit_pixels
from ssl_voc.visualization.style import COLORS, shorten

NUM_SHOWN = 8


def format_shortcuts(found):
    """The alarms in words, then a table of the candidates of lowest p-values.

    Args:
        found: What `find_shortcuts` returned.
    """
    candidates = found["candidates"]
    lines = [describe_alarm(row) for row in candidates if row["alarm"]]
    told = [row for row in candidates if row["could_alarm"]]
    if not candidates:
        lines = ["no shortcut was looked for: there was no candidate to test"]
    elif told and not lines:
        num_screened = sum(row["screened"] for row in told)
        lines = [
            f"no shortcut found: none of {len(told)} candidates holds "
            f"({num_screened} held on the photos that chose them)"
        ]
    if found["classes_too_few"]:
        lines.append("too few photos to tell: " + ", ".join(found["classes_too_few"]))
    if found["classes_without"]:
        lines.append(
            "not looked at, for want of photos or of heat beside their objects: "
            + ", ".join(found["classes_without"])
        )
    lines = [_wrap(line) for line in lines]
    if not candidates:
        return "\n".join(lines)
    head = f"{'class':14}{'candidate':58}{'in its photos':>14}{'in others':>11}"
    lines += ["", head + f"{'p':>8}  {'inpainted, elsewhere':20}{'photos':>8}{'p':>8}"]
    for row in candidates[:10]:
        drops = f"{row['accuracy_drop']:.0%}, {row['accuracy_drop_control']:.0%}"
        lines.append(
            f"{shorten(row['class'], 13):14}{shorten(row['where'], 57):58}"
            f"{row['share_of_photos']:>14.0%}{row['share_of_others']:>11.0%}"
            f"{row['association_p']:>8.4f}  {drops:20}{row['num_tested']:>8}"
            f"{row['reliance_p']:>8.4f}{_verdict(row)}"
        )
    bound = f"here p at most {found['bound']:.5f}."
    return "\n".join([*lines, "", _wrap(f"shortcuts: {found['protocol']}; {bound}")])


def _verdict(row):
    if row["alarm"]:
        return "  ALARM"
    if not row["could_alarm"]:
        return "  too few photos"
    return "" if row["screened"] else "  dropped"


def _wrap(line):
    return textwrap.fill(line, 88, subsequent_indent="  ")


def describe_alarm(row):
    """One candidate in words."""
    low, high = row["accuracy_drop_ci"]
    return (
        f"SHORTCUT: {row['class']} is known by the {row['where']}: heat of the class "
        f"in {row['share_of_photos']:.0%} of its photos, {row['energy']:.0%} of their "
        f"maps; inpainting it costs {row['accuracy_drop']:.0%} [{low:.0%}, {high:.0%}] "
        f"of the correct predictions, inpainting elsewhere "
        f"{row['accuracy_drop_control']:.0%} ({row['num_tested']} photos). "
        f"See {row.get('sheet')}."
    )


def page_section(found, path):
    """The section of the page: alarms, table and the sheets of the alarms."""
    alarms = [row for row in found["candidates"] if row["alarm"]]
    parts = [("alarm", describe_alarm(row)) for row in alarms]
    parts.append(("table", format_shortcuts(found)))
    for row in alarms or found["candidates"][:1]:
        if row["sheet"] is None:
            continue  # no photo shows it
        with Image.open(path / row["sheet"]) as sheet:
            caption = f"{row['class']}: {row['where']}"
            parts.append(("picture", (sheet.convert("RGB"), caption)))
    return "Shortcuts", parts


def draw_candidate(subject, scan, candidate, row, tested, path):
    """Draws a contact sheet: the region in photos of the class, near, and inpainted.

    Returns:
        The sheet's file name; None where no photo shows it.
    """
    strength = np.nan_to_num(candidate.strength(scan), nan=-1.0)
    places = np.flatnonzero(tested & (scan.classes == candidate.label))
    places = places[np.argsort(-strength[places], kind="stable")][:NUM_SHOWN]
    if not len(places):
        return None
    tiles = []
    for place in places:
        views = subject.view(scan.indices[place : place + 1])
        outside = outside_of(views, 0)
        mask = candidate.mask(scan, place, outside.shape) & outside
        outline = mask & ~ndimage.binary_erosion(mask)
        photo = views.photo(0)
        marked = np.where(outline[..., None], COLORS[0], photo).astype("uint8")
        filled = inpaint(photo[None], ~mask[None])[0]
        name = subject.pool.photos[int(scan.indices[place])].image_id
        tiles += [
            Tile(fit_pixels(marked, SIDE), f"{name}\nthe candidate"),
            Tile(_near(photo, mask), "near"),
            Tile(fit_pixels(filled, SIDE), "inpainted"),
        ]
    path = path / sheet_name(candidate, row["class"])
    title = f"{row['class']}: {row['where']}" + ", ALARM" * row["alarm"]
    drop = (
        f"inpainting costs {row['accuracy_drop']:.0%} of the correct predictions, "
        f"elsewhere {row['accuracy_drop_control']:.0%}"
    )
    draw_contact_sheet(path, [(drop, tiles)], 6, title, tiles_per_group=3)
    return path.name


def sheet_name(candidate, class_name):
    """A file name of its own: classes that differ in signs alone differ by number."""
    words = re.sub(r"[^\w-]+", "_", class_name)[:40]
    number = getattr(candidate, "number", 1)
    return f"shortcut_{words}_{candidate.label}_{candidate.kind}_{number}.png"


def _near(photo, mask):
    """The part of a photo around a mask, no larger than the photo's tile."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return fit_pixels(np.full_like(photo, 200), SIDE)
    part = photo[
        max(0, rows[0] - 2) : rows[-1] + 3, max(0, columns[0] - 2) : columns[-1] + 3
    ]
    limit = np.array(photo.shape[:2]) * SIDE / max(photo.shape[:2])
    return fit_pixels(part, max(part.shape[:2]) * min(limit / part.shape[:2]))
