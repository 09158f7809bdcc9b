import numpy as np
import pytest
from PIL import Image

from pipelines.images.decoding import decode
from pipelines.images.perceptual_hashing import perceptual_hash
from pipelines.images.resizing import Squashing


def num_differing_bits(pixels_a, pixels_b):
    both = int(perceptual_hash(pixels_a)) ^ int(perceptual_hash(pixels_b))
    return both.bit_count()


def naive_hash(pixels):
    """The definition, frequency by frequency."""
    gray = Image.fromarray(pixels).convert("L").resize((32, 32), Image.BILINEAR)
    frequency, place = np.arange(32)[:, None], np.arange(32) + 0.5
    cosines = np.cos(np.pi * frequency * place / 32)
    pairs = sorted((u + v, u, v) for u in range(32) for v in range(32))[1:65]
    gray = np.asarray(gray, "float64")
    coefficients = [cosines[u] @ gray @ cosines[v] for _, u, v in pairs]
    median = np.median(coefficients)
    return int("".join("01"[int(c > median + 1e-6)] for c in coefficients), 2)


@pytest.fixture
def photo(draw):
    return draw(1, width=200, height=150)


def test_hash_is_its_definition_and_zero_of_one_colour(photo):
    value = perceptual_hash(photo)
    assert value.dtype == np.uint64 and int(value) == naive_hash(photo)
    for gray in (0, 127, 255):
        assert perceptual_hash(np.full((50, 70, 3), gray, "uint8")) == 0


@pytest.mark.parametrize("change", ["JPEG 90", "JPEG 40", "smaller", "brighter"])
def test_changed_copies_nearly_agree(change, photo, encode):
    if change.startswith("JPEG"):
        copy = decode(encode(photo, "JPEG", quality=int(change[-2:])))
    elif change == "smaller":
        copy = Squashing(64).resize(photo)
    else:
        copy = (photo * 0.8 + 30).astype("uint8")
    assert num_differing_bits(photo, copy) <= 6


def test_other_photos_differ_in_about_half_of_the_bits(draw, photo):
    photos = [draw(seed, width=64, height=48) for seed in range(12)]
    distances = [num_differing_bits(a, b) for a in photos for b in photos if a is not b]
    assert min(distances) > 10 and 26 < np.mean(distances) < 38
    assert num_differing_bits(photo, photo[:, ::-1]) > 10  # mirrored
