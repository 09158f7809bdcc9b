"""Choice of the photos that are shown with their heat maps, and their tiles."""

import dataclasses

import numpy as np
from PIL import Image

from pipelines import boxes_from_letterbox
from ssl_voc.visualization.box_outlines import BoxOutline, BoxStyle
from ssl_voc.visualization.contact_sheet import photo_tile
from ssl_voc.visualization.fonts import drawable_name

SIDE = 220
# What is seen of a photo under its map, in gray; and the most that a map hides of it.
# Both leave room for colors that stand out on white photos and on dark ones.
_BRIGHTNESS, _OPACITY = 0.5, 0.8
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
    random = drawn[~np.isin(drawn, [*high, *low])][: num_shown - 2 * num_extreme]
    groups = zip(("Drawn at random", *titles), (random, high, low), strict=True)
    return [(title, places.tolist()) for title, places in groups if len(places)]


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
    rows = [[] for _ in places]
    for subject, found in zip(subjects, measures, strict=True):
        remaining = zip(places, rows, strict=True)
        for views in subject.views(np.asarray(indices)[places]):
            maps = subject.maps(views.images, views.classes)
            for number, (height, width) in enumerate(views.sizes):
                place, tiles = next(remaining)
                if not tiles:
                    tiles.append(_photo_tile(subject, views, number))
                pixels = _overlay(tiles[0].pixels, maps[number, :height, :width])
                caption = _describe_map(subject, found, place)
                tiles.append(
                    dataclasses.replace(tiles[0], pixels=pixels, caption=caption)
                )
    return rows


def _photo_tile(subject, views, number):
    """A photo with the box of its main object."""
    pool, index = subject.pool, int(views.indices[number])
    size, photo = pool.original_sizes[index], pool.photos[index]
    box = boxes_from_letterbox(views.boxes[number][None], size, pool.image_size)[0]
    label = views.classes[number]
    caption = f"{drawable_name(pool.class_names[label], label)}\n{photo.image_id}"
    return photo_tile(photo, SIDE, caption, [BoxOutline(box, OBJECT)])


def _describe_map(subject, found, place):
    answer = int(found["predicted"][place])
    says = "nothing"
    if answer >= 0:
        says = drawable_name(subject.pool.class_names[answer], answer)
    mark = "✓" if found["correct"][place] else "✗"
    caption = f"{subject.name}: {mark} {says}\nin box {found['energy'][place]:.0%}"
    caption += f", area {found['box_share'][place]:.0%}"
    return caption + ", empty map" * bool(found["is_empty"][place])


def _overlay(pixels, heat):
    """A photo in gray, darkened, in the colors of its map of any size: none at 0."""
    import matplotlib

    image = Image.fromarray(pixels)
    scaled = Image.fromarray(np.asarray(heat, "float32"))
    scaled = np.asarray(scaled.resize(image.size, Image.Resampling.BILINEAR))
    scaled = np.clip(scaled / max(float(np.max(heat)), 1e-12), 0.0, 1.0)[..., None]
    gray = _BRIGHTNESS * np.asarray(image.convert("L"), "float64")[..., None]
    # Of even steps to the eye, color-blind or not; its dark end would look like shadow.
    colors = matplotlib.colormaps["inferno"](0.3 + 0.7 * scaled[..., 0])[..., :3] * 255
    opacity = _OPACITY * scaled
    return np.round(gray * (1 - opacity) + colors * opacity).astype("uint8")
