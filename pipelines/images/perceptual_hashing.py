"""Perceptual hash: a 64-bit fingerprint that near-duplicates share."""

import functools

import numpy as np

HASH_SIDE = 32
NUM_BITS = 64


def perceptual_hash(pixels: np.ndarray) -> np.uint64:
    """Hashes what a photo looks like from afar.

    The photo becomes 32 x 32 gray; of its cosine transform the 64 lowest frequencies
    (without the mean) each give a bit: above their median or not. Recompressed,
    rescaled or brightened copies differ in a few bits, other photos in about 32.

    Args:
        pixels: uint8 array `(height, width, 3)`, RGB.

    Returns:
        The hash; a photo of one colour has 0.

    Reference:
        - [Zauner, 2010](https://www.phash.org/docs/pubs/thesis_zauner.pdf)
    """
    import scipy.fft
    from PIL import Image

    gray = Image.fromarray(pixels).convert("L")
    gray = gray.resize((HASH_SIDE, HASH_SIDE), Image.Resampling.BILINEAR)
    spectrum = scipy.fft.dctn(np.asarray(gray, "float64"), type=2) / 4
    coefficients = spectrum[_lowest_frequencies()]  # (64,)
    # The margin is above rounding noise, so that flat photos have no random bits.
    bits = coefficients > np.median(coefficients) + 1e-6
    return np.packbits(bits).view(">u8")[0].astype(np.uint64)


@functools.cache
def _lowest_frequencies():
    """Rows and columns of the 64 lowest frequencies."""
    pairs = sorted(
        (row + column, row, column)
        for row in range(HASH_SIDE)
        for column in range(HASH_SIDE)
    )[1 : NUM_BITS + 1]  # the first is the mean
    _, rows, columns = np.array(pairs).T
    return rows, columns
