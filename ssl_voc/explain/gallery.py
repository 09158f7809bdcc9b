"""Choice of the photos that are shown with their heat maps, and their tiles."""

import dataclasses

import numpy as np

from pipelines import boxes_from_letterbox
from ssl_voc.explain.overlay import overlay
from ssl_voc.visualization.box_outlines import BoxOutline, BoxStyle
from ssl_voc.visualization.contact_sheet import photo_tile

SIDE = 220
OBJECT = BoxStyle("object", (255, 255, 255))


def choose_photos(measures, num_shown, seed=0):
    """Photos for the gallery: half drawn at random, half the extremes.

    Args:
        measures: List of the measures of each run, see `measure_photos`.
        num_shown: Number of photos.
        seed: Seed of the draw.

    Returns:
        List of `(title, places)`: no photo twice. With two runs the extremes are where
        either has more energy in the box than the other, with one where it has most
        and least.
    """
    energy = measures[0]["energy"]
    titles = "Most of the map in the box", "Least of the map in the box"
    if len(measures) > 1:
        energy = energy - measures[1]["energy"]
        titles = "More in the box than the baseline", "Less in the box than it"
    num_shown = min(num_shown, len(energy))
    drawn = np.random.default_rng(seed).permutation(len(energy))
    num_extreme = num_shown // 4
    order = np.argsort(-energy, kind="stable")
    high, low = order[:num_extreme], order[::-1][:num_extreme]
    taken = {*high, *low}
    random = [place for place in drawn if place not in taken]
    random = random[: num_shown - len(taken)]
    groups = (("Drawn at random", random), (titles[0], high), (titles[1], low))
    return [
        (title, [int(p) for p in places]) for title, places in groups if len(places)
    ]


def make_tiles(subjects, indices, measures, places):
    """Tiles of photos and their maps.

    Args:
        subjects: List of `Subject`.
        indices: Photos of their pools that were measured.
        measures: Of each subject.
        places: Of the photos to show, in `indices`.

    Returns:
        List of the tiles of each photo: itself, then its map of each run.
    """
    first = subjects[0]
    names = first.pool.class_names
    rows = [[] for _ in places]
    for subject, found in zip(subjects, measures, strict=True):
        chosen = np.asarray(indices)[places]
        start = 0
        for views in subject.views(chosen):
            maps = subject.maps(views.images, views.classes)
            for number in range(len(views)):
                height, width = views.sizes[number]
                place, tiles = places[start + number], rows[start + number]
                if subject is first:
                    tiles.append(_photo_tile(subject, views, number))
                tiles.append(
                    dataclasses.replace(
                        tiles[0],
                        pixels=overlay(tiles[0].pixels, maps[number, :height, :width]),
                        caption=_describe_map(subject.name, found, place, names),
                    )
                )
            start += len(views)
    return rows


def _photo_tile(subject, views, number):
    """A photo with the box of its main object."""
    pool, index = subject.pool, int(views.indices[number])
    size, photo = pool.original_sizes[index], pool.photos[index]
    box = boxes_from_letterbox(views.boxes[number][None], size, pool.image_size)[0]
    caption = f"{pool.class_names[views.classes[number]]}\n{photo.image_id}"
    return photo_tile(photo, SIDE, caption, [BoxOutline(box, OBJECT)])


def _describe_map(name, found, place, class_names):
    answer = int(found["predicted"][place])
    says = class_names[answer] if answer >= 0 else "nothing"
    mark = "✓" if found["correct"][place] else "✗"
    caption = f"{name}: {mark} {says}\nin box {found['energy'][place]:.0%}"
    caption += f", area {found['box_share'][place]:.0%}"
    return caption + ", empty map" * bool(found["is_empty"][place])
