"""Gray samples in 16 bits are scaled by the range in use, and that is told."""

import numpy as np
import pytest
from PIL import Image

from pipelines.images.decoding import decode
from pipelines.pools.preparation import prepare, prepare_labeled
from pipelines.readers.folder import read


def encoded(samples, format, encode):
    return encode(Image.fromarray(np.asarray(samples, "uint16")), format)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "JPEG2000"])
@pytest.mark.parametrize(
    ("largest", "bits"),
    [
        *((4095, 12), (3000, 12), (256, 12)),
        *((4096, 14), (16383, 14), (16384, 16), (65535, 16)),
    ],
)
def test_the_least_range_that_holds_all_samples_is_white(largest, bits, format, encode):
    samples = np.linspace(0, largest, 64 * 48).reshape(48, 64).astype("uint16")
    told = []
    options = {"irreversible": False} if format == "JPEG2000" else {}
    image = Image.fromarray(samples)
    pixels = decode(encode(image, format, **options), tell=told.append)
    expected = np.round(samples * 255.0 / (2**bits - 1)).astype("uint8")
    np.testing.assert_array_equal(pixels[..., 0], expected)
    told_of = [f"{bits}-bit samples in 16 bits: {2**bits - 1} is white"]
    assert told == (told_of if bits < 16 else [])


def test_samples_of_8_bits_and_colours_are_left_as_they_are(encode):
    told = []
    gray = np.arange(0, 16, dtype="uint8").reshape(4, 4)
    assert decode(encode(gray), tell=told.append)[..., 0].tolist() == gray.tolist()
    assert not told


def test_a_pool_of_12_bit_photos_is_bright_and_told(tmp_path, encode):
    rng = np.random.default_rng(0)
    for number in range(3):
        samples = rng.integers(0, 4096, (30, 40))
        (tmp_path / f"{number}.png").write_bytes(encoded(samples, "PNG", encode))
    (tmp_path / "8bit.png").write_bytes(encode(Image.new("L", (40, 30), 9)))
    pool = prepare(read(tmp_path), 8, cache="memory")
    assert pool.gather(np.arange(3)).mean() == pytest.approx(127.5, abs=10)
    kinds = [problem.kind for problem in pool.problems]
    assert kinds == ["12-bit samples in 16 bits: 4095 is white"] * 3
    assert pool.problems[1].path_name == str(tmp_path / "1.png")


def test_labelled_pools_tell_it_too(write_voc, voc_xml, tmp_path, encode):
    import pipelines

    tree = write_voc(tmp_path / "voc", {"a": voc_xml(("cat", (2, 3, 20, 20)))})
    (tree / "JPEGImages" / "a.jpg").unlink()
    samples = np.full((30, 40), 2000)
    (tree / "JPEGImages" / "a.png").write_bytes(encoded(samples, "PNG", encode))
    pool = prepare_labeled(pipelines.read(tree), 8, cache="memory")
    assert "12-bit samples in 16 bits: 4095 is white" in {p.kind for p in pool.problems}
