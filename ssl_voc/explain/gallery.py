"""Which photos are shown with their maps, and what is said under them."""

import numpy as np

from pipelines import boxes_from_letterbox
from ssl_voc.explain.pictures import Row, outline, overlay, upright


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


def make_rows(subjects, indices, measures, places):
    """Photos with their maps.

    Args:
        subjects: List of `Subject`.
        indices: Photos of their pools that were measured.
        measures: Of each subject.
        places: Of the photos to show, in `indices`.

    Returns:
        List of `Row`.
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
                place = places[start + number]
                photo = subject.pool.photos[int(views.indices[number])]
                box_rel = _box_rel(subject, views, number)
                pixels = upright(photo)
                if subject is first:
                    name = names[views.classes[number]]
                    tile = outline(pixels, box_rel)
                    rows[start + number].append((tile, f"{name}\n{photo.image_id}"))
                heat = maps[number, :height, :width]
                tile = outline(overlay(pixels, heat), box_rel)
                answer = int(found["predicted"][place])
                says = names[answer] if answer >= 0 else "nothing"
                mark = "✓" if found["correct"][place] else "✗"
                energy = found["energy"][place]
                caption = f"{subject.name}: {mark} {says}\nin box {energy:.0%}"
                caption += f", area {found['box_share'][place]:.0%}"
                caption += ", empty map" if found["is_empty"][place] else ""
                rows[start + number].append((tile, caption))
            start += len(views)
    return [Row(*zip(*tiles, strict=True)) for tiles in rows]


def _box_rel(subject, views, number):
    """Box of the main object in shares of the photo."""
    pool = subject.pool
    size = pool.original_sizes[int(views.indices[number])]
    box = boxes_from_letterbox(views.boxes[number][None], size, pool.image_size)[0]
    return box / np.array([size[1], size[0]] * 2)
