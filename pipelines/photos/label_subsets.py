"""Nested, stratified subsets of labelled photos."""

import hashlib
import re

from pipelines.photos.photo import Photos, main_class

# What Roboflow adds to the name of a photo for each augmented copy of it.
_COPY = re.compile(r"\.rf\.[0-9A-Za-z]{16,}(\.\w+)?$")


def label_subset(
    photos, fraction: float | None = None, per_class: int | None = None, seed: int = 0
) -> Photos:
    """Takes a share of the labelled photos, or a number of photos per class.

    The photos of one seed stand in one fixed order, and every subset is a beginning of
    it: the 1 % lies inside the 10 %, and a photo's place depends on its name, not on
    the order of the listing. The class of a photo is that of its main object
    (`main_object`; a photo without one has its label's).

    Args:
        photos: `Photos`.
        fraction: Share of the photos to take, in `(0, 1]`. The classes keep their
            shares; photos without a class are one class more. Of a class that would
            be left empty one photo is taken in addition; augmented copies of one photo
            are taken together.
        per_class: Number of photos to take of each class, at least 1; all where a
            class has fewer. Photos without a class are left out.
        seed: Integer that determines the order.

    Returns:
        `Photos` in the order of `photos`.

    Raises:
        ValueError: If a number is out of range, or both are given, or no photo has a
            class and `per_class` is given.
    """
    if fraction is not None and per_class is not None:
        raise ValueError(
            "`fraction` and `per_class` exclude each other. Received: "
            f"fraction={fraction}, per_class={per_class}"
        )
    if fraction is not None:
        chosen = stratified_share(photos, fraction, f"labels {seed}")
    elif per_class is not None:
        chosen = _first_of_each_class(photos, per_class, f"labels {seed}")
    else:
        chosen = range(len(photos))
    return photos.take(chosen)


def stratified_share(photos, share, salt) -> set[int]:
    """Indices of a share of the photos, in `(0, 1]`, that represents every class.

    The text `salt` determines the draw; of two shares with one salt, the smaller's
    indices lie in the larger's. Augmented copies of one photo are taken together.
    """
    if not 0 < share <= 1:
        raise ValueError(
            "A share of the labels must be above 0 and at most 1, such as 0.1 for "
            f"10 %. Received: {share}"
        )
    originals = [_COPY.sub("", photo.image_id) for photo in photos]
    order = _interleaved(_strata(photos, originals, salt))
    chosen = set(order[: max(1, round(share * len(photos)))])
    for wanted in _photos_showing(photos, order).values():
        # The first in the order, so that larger shares take this photo, too.
        if chosen.isdisjoint(wanted):
            chosen.add(wanted[0])
    copied = {originals[i] for i in chosen if originals[i] != photos[i].image_id}
    return chosen | {i for i, name in enumerate(originals) if name in copied}


def _first_of_each_class(photos, per_class, salt):
    if per_class < 1:
        raise ValueError(
            f"The number of labels per class must be at least 1. Received: {per_class}"
        )
    strata = _strata(photos, [photo.image_id for photo in photos], salt)
    strata.pop(None, None)
    if not strata:
        raise ValueError(
            f"{photos.name} has no photo with a class, so labels per class cannot be "
            "counted."
        )
    return {index for members in strata.values() for index in members[:per_class]}


def stratum(photo) -> str | None:
    """Class by which a photo is counted: its main object's, or its label."""
    return main_class(photo.objects) or photo.label


def _strata(photos, names, salt):
    """Maps each class, and None, to the indices of its photos in an order by name."""

    def draw(index):
        name = names[index].encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(name, key=salt.encode(), digest_size=16).digest()
        return digest, photos[index].image_id

    strata = {}
    for index in sorted(range(len(photos)), key=draw):
        strata.setdefault(stratum(photos[index]), []).append(index)
    return strata


def _interleaved(strata):
    """One order of all indices of which every beginning has each class's share."""
    # The middle of n equal parts: 0.5/n, 1.5/n, ...; equal ones in drawn order.
    places = [
        ((rank + 0.5) / len(members), index)
        for members in strata.values()
        for rank, index in enumerate(members)
    ]
    return [index for _, index in sorted(places, key=lambda place: place[0])]


def _photos_showing(photos, order):
    """Maps each class to the photos that can stand for it, in the given order.

    These are the photos whose main object is of the class, or, where there are none,
    those that show an object of it at all.
    """
    main, any_object = {}, {}
    for index in order:
        name = stratum(photos[index])
        if name is not None:
            main.setdefault(name, []).append(index)
        for name in {item.name for item in photos[index].objects}:
            any_object.setdefault(name, []).append(index)
    return any_object | main
