import hashlib

import numpy as np
import pytest

from pipelines.photos.content import ArrayItem
from pipelines.photos.label_subsets import label_subset
from pipelines.photos.photo import Photo, Photos
from tests.pipelines.photos.labelled_photos import PIXELS, counts, ids, photo


@pytest.fixture
def photos():
    """200 cats, 100 dogs, 10 owls and 90 photos of nothing, in mixed order."""
    names = [("cat",)] * 200 + [("dog",)] * 100 + [("owl",)] * 10 + [()] * 90
    order = np.random.default_rng(0).permutation(len(names))
    return Photos([photo(f"{i:03d}", *names[i]) for i in order], "set")


def test_a_tenth_has_a_tenth_of_every_class_in_the_order_of_the_photos(photos):
    subset = label_subset(photos, fraction=0.1)
    assert counts(subset) == {"cat": 20, "dog": 10, "owl": 1, None: 9}
    chosen = ids(subset)
    assert chosen == [image_id for image_id in ids(photos) if image_id in chosen]
    assert ids(label_subset(photos)) == ids(photos)


def test_smaller_fractions_lie_inside_larger_ones(photos):
    for seed in range(5):
        previous = set()
        for fraction in (0.001, 0.01, 0.02, 0.05, 0.1, 0.13, 0.4, 0.77, 1.0):
            chosen = set(ids(label_subset(photos, fraction=fraction, seed=seed)))
            assert previous <= chosen
            previous = chosen
        assert previous == set(ids(photos))


def test_more_labels_per_class_contain_fewer(photos):
    previous = set()
    for per_class in (1, 2, 7, 10, 50, 300):
        subset = label_subset(photos, per_class=per_class)
        available = {"cat": 200, "dog": 100, "owl": 10}
        assert counts(subset) == {n: min(per_class, k) for n, k in available.items()}
        assert previous <= set(ids(subset))
        previous = set(ids(subset))


def test_every_class_is_shown_if_only_beside_a_main_object(photos):
    # One of 400: a cat; then a dog and an owl besides.
    subset = label_subset(photos, fraction=1 / 400)
    assert counts(subset) == dict.fromkeys(["cat", "dog", "owl"], 1)
    photos = [photo(f"{i:03d}", "cat") for i in range(99)] + [photo("x", "cat", "emu")]
    subset = label_subset(Photos(photos, "set"), fraction=0.02)
    assert len(subset) == 3 and "x" in ids(subset)


def test_seed_and_only_the_seed_decides(photos):
    first = ids(label_subset(photos, fraction=0.1, seed=0))
    assert ids(label_subset(photos, fraction=0.1, seed=0)) == first
    shuffled = Photos(sorted(photos, key=lambda photo: photo.image_id), "set")
    assert set(ids(label_subset(shuffled, fraction=0.1, seed=0))) == set(first)
    other = set(ids(label_subset(photos, fraction=0.1, seed=1)))
    # Two tenths share about a tenth of themselves.
    assert len(other & set(first)) < 15


def test_augmented_copies_of_one_photo_are_taken_together():
    """Roboflow writes several of each photo, told apart by a digest."""
    digests = [f"{copy:032x}" for copy in range(3)]
    copies = [
        photo(f"{number:02d}_jpg.rf.{digest}", "cat" if number % 3 else "dog")
        for number in range(40)
        for digest in digests
    ]
    copies.append(photo(f"00_jpg.rf.{9:032x}", "owl"))  # cut so that another is largest
    photos, previous = Photos(copies, "set"), set()
    for fraction in (0.01, 0.1, 0.35, 0.8, 1):
        chosen = set(ids(label_subset(photos, fraction=fraction)))
        originals = {image_id.partition(".rf.")[0] for image_id in chosen}
        assert chosen == {i for i in ids(photos) if i.partition(".rf.")[0] in originals}
        assert -1 < len(chosen) - fraction * len(photos) <= 10 and previous <= chosen
        previous = chosen
    shuffled = Photos(copies[::-1], "set")
    chosen = set(ids(label_subset(photos, per_class=10)))
    assert chosen == set(ids(label_subset(shuffled, per_class=10)))
    # Of each class as many photos, not as many originals.
    assert len({i.partition(".rf.")[0] for i in chosen}) > 10


def test_names_without_a_digest_of_roboflow_are_drawn_each_by_itself():
    """The draws of earlier versions, which runs go on with."""
    names = [f"{n}.rf.{n}" for n in range(20)] + [f"{n}.jpg" for n in range(20)]
    photos = Photos([photo(name, "cat") for name in names], "set")

    def draw(name):
        return hashlib.blake2b(name.encode(), key=b"labels 3", digest_size=16).digest()

    chosen = ids(label_subset(photos, fraction=0.25, seed=3))
    assert set(chosen) == set(sorted(names, key=draw)[:10])


def test_photos_are_drawn_from_everywhere(photos):
    drawn = {i for seed in range(60) for i in ids(label_subset(photos, 0.1, seed=seed))}
    # A photo is missed 60 times with a chance of 0.9 ** 60 = 0.002.
    assert len(drawn) > 390


def test_labels_of_folders_are_classes_and_without_a_class_none_is_drawn():
    photos = [
        Photo(str(i), "set", ArrayItem(PIXELS, 0, "set"), label="ab"[i % 2])
        for i in range(20)
    ]
    subset = label_subset(Photos(photos, "set"), per_class=3)
    assert sorted(photo.label for photo in subset) == list("aaabbb")
    with pytest.raises(ValueError, match="no photo with a class"):
        label_subset(Photos([photo("a")], "set"), per_class=3)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"fraction": 0}, "above 0 and at most 1.*0"),
        ({"fraction": 1.01}, "above 0 and at most 1.*1.01"),
        ({"fraction": float("nan")}, "above 0 and at most 1.*nan"),
        ({"per_class": 0}, "at least 1.*0"),
        ({"fraction": 0.1, "per_class": 3}, "exclude each other"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(numbers, words, photos):
    with pytest.raises(ValueError, match=words):
        label_subset(photos, **numbers)
