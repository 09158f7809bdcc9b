"""Choice of the photos that a gallery shows, and the gallery of any."""

import dataclasses
from collections.abc import Callable

import numpy as np

from ssl_voc.visualization.contact_sheet import draw_contact_sheet

NUM_SHOWN = 12


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Photos of the highest ranks.

    Attributes:
        name: Part of the picture's file name.
        title: What it shows.
        rank: Function of what was found that gives a float array `(num_photos,)`: the
            highest are shown, those of minus infinity never.
    """

    name: str
    title: str
    rank: Callable

    def choose(self, found, number=NUM_SHOWN):
        """Indices of the photos to show, the highest ranks first."""
        ranks = np.asarray(self.rank(found), "float64")
        order = np.argsort(-ranks, kind="stable")
        return [int(index) for index in order[:number] if ranks[index] > -np.inf]


def _in_random_order(found):
    # Of all evaluations of the same photos the same ones.
    return np.random.default_rng(0).random(len(found))


RANDOM = Gallery("random", "Drawn at random", _in_random_order)


def draw_gallery(name, title, tiles, chosen_from, folder, num_columns, legend):
    """Draws `gallery_NAME.png`.

    Args:
        name: Part of the file name.
        title: What the tiles show.
        tiles: List of `Tile`; without any the picture says so.
        chosen_from: All that there is to choose, such as `"12 photos"`.
        folder: Path of an existing folder.
        num_columns: Tiles beside each other.
        legend: The `BoxStyle`s of the tiles.
    """
    title = f"{title}: {len(tiles) or 'none'} of {chosen_from}"
    path = folder / f"gallery_{name}.png"
    draw_contact_sheet(path, [("", tiles)], num_columns, title, legend)
