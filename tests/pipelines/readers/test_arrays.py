import struct
import zipfile

import numpy as np
import pytest

from pipelines.readers import arrays

IMAGES = np.arange(3 * 4 * 5 * 3, dtype="uint8").reshape(3, 4, 5, 3)


def test_photos_are_the_rows(tmp_path):
    np.savez(tmp_path / "set.npz", images=IMAGES, labels=["b", "a", "b"])
    photos = arrays.read(tmp_path / "set.npz")
    for photo, expected in zip(photos, IMAGES, strict=True):
        np.testing.assert_array_equal(photo.load(), expected)
    assert [photo.label for photo in photos] == ["b", "a", "b"]
    assert photos.class_names == ("a", "b")
    assert photos.name == "set" and photos[0].source == "set"
    assert (photos[0].width, photos[0].height) == (5, 4)
    assert photos[1].path_name == f"{tmp_path / 'set.npz'}[1]"
    ids = [photo.image_id for photo in arrays.read(np.zeros((11, 1, 1, 3), "uint8"))]
    assert ids[0] == "00" and ids == sorted(ids)  # like the rows


def test_all_of_them_may_be_asked_for_by_name():
    assert len(arrays.read(IMAGES, "all")) == 3
    with pytest.raises(ValueError, match="no splits, so 'train'"):
        arrays.read(IMAGES, "train")


def test_images_are_the_array_of_that_name_or_the_only_one_of_4_dimensions():
    photos = arrays.read({"x_train": IMAGES, "y_train": np.zeros(3)})
    np.testing.assert_array_equal(photos[2].load(), IMAGES[2])
    assert len(arrays.read({"masks": IMAGES[:1], "images": IMAGES})) == 3
    with pytest.raises(ValueError, match="exactly one array.*'b'"):
        arrays.read({"a": IMAGES, "b": IMAGES})


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([7, 10, 7], "7"), (np.array([b"cat", b"dog", b"cat"]), "cat")],
)
def test_labels_become_names(labels, expected):
    photos = arrays.read({"images": IMAGES, "labels": labels})
    assert photos[0].label == photos[2].label == expected != photos[1].label


def test_labels_that_do_not_fit_and_arrays_that_are_no_photos_are_refused():
    for labels in ([1, 2], [[1], [2], [3]], [0.5, 1.0, 2.0]):
        with pytest.raises(ValueError, match=r"labels must.*\(3,\)"):
            arrays.read({"images": IMAGES, "labels": labels})
    others = IMAGES.astype("float32"), IMAGES[..., 0], IMAGES[..., :1], IMAGES[:0]
    for images in others:
        with pytest.raises(ValueError, match="arrays") as raised:
            arrays.read(images)
        assert str(images.shape) in str(raised.value)


def test_files_that_are_no_archive_of_arrays_are_refused_by_name(tmp_path):
    path = tmp_path / "set.npz"
    np.savez_compressed(path, images=IMAGES)
    whole = path.read_bytes()
    middle, encrypted = bytearray(whole), bytearray(whole)
    middle[60:160] = bytes(100)
    # The flag for encryption, in the header of the member and in the directory.
    encrypted[6] |= 1
    encrypted[encrypted.rindex(b"PK\x01\x02") + 8] |= 1
    for data in (b"", b"text", whole[: len(whole) // 2], middle, encrypted):
        path.write_bytes(data)
        with pytest.raises(ValueError, match="set.npz is not a readable"):
            arrays.read(path)
    for shape in (b"(9999999999, 9999, 9999, 3)", b"(1, 2"):  # too large, cut
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': %b, }" % shape
        header = header.ljust(117) + b"\n"
        with zipfile.ZipFile(path, "w") as file:
            member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
            file.writestr("images.npy", member)
        with pytest.raises(ValueError, match="set.npz is not a readable"):
            arrays.read(path)
    np.save(tmp_path / "set.npy", IMAGES)
    (tmp_path / "set.npy").rename(path)
    with pytest.raises(ValueError, match="set.npz.*np.savez"):
        arrays.read(path)
    np.savez(path, images=np.array([{"a": 1}], dtype=object))  # pickled
    with pytest.raises(ValueError, match="set.npz"):
        arrays.read(path)
