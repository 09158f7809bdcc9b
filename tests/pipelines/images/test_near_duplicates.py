import numpy as np
import pytest

from pipelines.images import near_duplicates
from pipelines.images.decoding import decode
from pipelines.images.near_duplicates import (
    MAX_DISTANCE,
    find_near_duplicates,
    is_informative,
    rows_without_near_duplicates,
)
from pipelines.images.perceptual_hashing import perceptual_hash
from pipelines.readers.sources import read

HALF = 0x5555_5555_5555_5555


def flipped(value, *bits):
    for bit in bits:
        value ^= 1 << bit
    return value


def found(hashes, others, **options):
    matches = find_near_duplicates(hashes, others, **options)
    return [(match.index, match.other_index, match.distance) for match in matches]


def test_the_nearest_is_told_once_with_the_number_of_differing_bits():
    six, seven = flipped(HALF, 0, 5, 9, 33, 62, 63), flipped(HALF, *range(7))
    assert found([HALF], [six]) == [(0, 0, 6)]
    assert found([HALF], [seven]) == []
    assert found([HALF], [seven], max_distance=7) == [(0, 0, 7)]
    others = [~HALF % 2**64, flipped(HALF, 1, 2), flipped(HALF, 3), flipped(HALF, 4)]
    assert found([~HALF % 2**64, HALF], others) == [(0, 0, 0), (1, 2, 1)]


def test_rows_without_near_duplicates_are_those_that_match_none_in_use():
    hashes = [HALF, ~HALF % 2**64, flipped(HALF, 1), 0]
    # A flat image is a near-duplicate of none.
    assert rows_without_near_duplicates(hashes, [flipped(HALF, 3), 0]) == [1, 3]
    assert rows_without_near_duplicates(hashes, []) == [0, 1, 2, 3]


def test_hashes_of_flat_images_match_nothing():
    few_bits = (1 << near_duplicates.MIN_BITS - 1) - 1
    enough = (1 << near_duplicates.MIN_BITS) - 1
    assert found([0, few_bits, enough], [0, few_bits, enough]) == [(2, 2, 0)]
    assert found([0], [0]) == found([], [HALF]) == found([HALF], []) == []


@pytest.mark.parametrize("max_distance", [0, 1, MAX_DISTANCE, 20, 64])
def test_pairs_are_those_that_a_loop_over_all_finds(monkeypatch, max_distance):
    """Groups of bits and parts hide none; of equally near ones the first is told."""
    monkeypatch.setattr(near_duplicates, "CHUNK", 100)
    random = np.random.default_rng(0)
    drawn = [0, *random.integers(0, 2**64, 11, "uint64").tolist()]
    bits = random.permutation(64).tolist()
    hashes = [flipped(value, *bits[n : 2 * n]) for value in drawn for n in range(9)]
    hashes = random.permutation(np.array([*hashes, *hashes[-20:]], "uint64"))
    for others in (None, random.permutation(hashes)[:70]):
        expected = []
        for i, a in enumerate(hashes):
            pairs = [
                (int(a ^ b).bit_count(), j)
                for j, b in enumerate(hashes[:i] if others is None else others)
                if is_informative([a, b]).all()
            ]
            distance, j = min(pairs, default=(65, None))
            if distance <= max_distance:
                expected.append((i, j, distance))
        assert len(expected) > 15
        assert found(hashes, others, max_distance=max_distance) == expected


def test_flat_images_ramps_and_noise_are_no_duplicates():
    flat = [np.full((40, 60, 3), value, "uint8") for value in (0, 90, 255)]
    ramp = np.zeros((64, 64, 3), "uint8") + np.arange(64, dtype="uint8")[:, None]
    hashes = np.array([perceptual_hash(pixels) for pixels in [*flat, ramp, 3 * ramp]])
    assert found(hashes, hashes[::-1]) == []
    rng = np.random.default_rng(0)
    noisy = [
        np.clip(rng.normal(gray, 1.5, (60, 80, 3)), 0, 255).astype("uint8")
        for gray in np.linspace(20, 230, 60)
    ]
    hashes = np.array([perceptual_hash(pixels) for pixels in noisy])
    assert found(hashes[:30], hashes[30:]) == []


def hashes_of(photos):
    return np.array([perceptual_hash(decode(photo.load())) for photo in photos])


@pytest.fixture(scope="module")
def reduced(data_folder):
    photos = read(data_folder / "voc2007_5cls_160", "val")
    return photos, hashes_of(photos)


def test_reduced_copies_are_found_and_nothing_else(data_folder, reduced):
    """150 photos in their original size among 350 copies of 160 pixels."""
    originals = read(data_folder / "voc2007_originals")
    photos, hashes = reduced
    matches = find_near_duplicates(hashes_of(originals), hashes)
    pairs = {originals[m.index].image_id: photos[m.other_index] for m in matches}
    assert len(pairs) == 150
    assert all(key == photo.image_id for key, photo in pairs.items())
    assert np.quantile([match.distance for match in matches], 0.95) <= 4
    # Different photos, each with each.
    rows = np.triu_indices(len(hashes), 1)
    others = np.bitwise_count(hashes[rows[0]] ^ hashes[rows[1]])
    assert len(hashes) == 350 and others.min() > 0 and np.quantile(others, 0.001) > 8


@pytest.mark.slow
def test_photos_of_other_collections_are_not_duplicates(data_folder, reduced):
    others = [
        *read(data_folder / "imagenet_sample1000_160"),
        *read(data_folder / "coco_person_160", "val"),
        *read(data_folder / "fruit_160", "all"),
    ]
    assert find_near_duplicates(reduced[1], hashes_of(others)) == []


@pytest.mark.slow
def test_small_photos_of_200_classes_are_told_apart(data_folder):
    hashes = hashes_of(read(data_folder / "tiny_imagenet" / "val.json")[:1000])
    assert find_near_duplicates(hashes[:500], hashes[500:]) == []
