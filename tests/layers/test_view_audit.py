"""`audit_views`: sound views pass, views that are not what they claim do not."""

import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import SimCLRAugmenter, audit_views
from tests import tiny
from tests.layers.simclr_views import PLAIN, STRONG


@pytest.fixture(scope="module")
def images():
    return tiny.draw_photos(16, size=40)


class Tampered:
    """An augmenter with a function on some entries, view a before view b."""

    def __init__(self, changes):
        self.augmenter = SimCLRAugmenter(32, seed=0, **STRONG)
        self.changes = changes

    def __call__(self, images):
        drawn = self.augmenter(images)
        for name, change in self.changes.items():
            both = ops.convert_to_numpy(ops.concatenate(drawn[name]))
            drawn[name] = np.split(change(both), 2)
        return drawn


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        PLAIN,
        {"grayscale_rate": 1.0, "blur_rate": 1.0},
        {"solarize_rate": 0.5},
        {"solarize_rate": 1.0},
        {"area_range": (0.9, 1.0), "flip_rate": 0.0},
        STRONG,
    ],
)
def test_views_of_the_augmenter_pass(images, arguments):
    for seed in range(3):
        augmenter = SimCLRAugmenter(32, seed=seed, **arguments)
        for view in audit_views(augmenter, images)["views"]:
            assert isinstance(view, np.ndarray) and view.shape == (16, 32, 32, 3)


def test_views_of_several_sizes_pass_and_their_boxes_are_checked(images):
    small, large = SimCLRAugmenter(16, seed=1), SimCLRAugmenter(32, seed=0)

    def multi_crop(photos, box_shift=0):
        drawn = small(photos)
        drawn["boxes_rel_xyxy"] = [
            ops.roll(boxes, box_shift, axis=0) for boxes in drawn["boxes_rel_xyxy"]
        ]
        return {name: values + drawn[name] for name, values in large(photos).items()}

    views = audit_views(multi_crop, images)["views"]
    assert [view.shape[1] for view in views] == [32, 32, 16, 16]
    with pytest.raises(ValueError, match="look more like"):
        audit_views(lambda photos: multi_crop(photos, box_shift=1), images)


@pytest.mark.parametrize("size", [1, 4, 8])
def test_views_of_a_few_pixels_pass(images, size):
    audit_views(SimCLRAugmenter(size, seed=0), images)


def test_white_photos_and_photos_that_look_alike_pass(images):
    mixed = images.copy()
    mixed[:3] = 255
    mixed[3] = 0
    audit_views(SimCLRAugmenter(32, seed=0), mixed)
    # Frames of one camera: all nearly the same.
    noise = np.random.default_rng(0).integers(-3, 4, (16, 40, 40, 3))
    frames = np.clip(images[:1].astype(int) + noise, 0, 255).astype("uint8")
    audit_views(SimCLRAugmenter(32, seed=0), frames)


def nan_in(views):
    views = views.copy()
    views[3, 4, 5, 1] = np.nan
    return views


def first_half_twice(values):
    return np.concatenate([values[: len(values) // 2]] * 2)


def second_half_shifted(values):
    half = len(values) // 2
    return np.concatenate([values[:half], np.roll(values[half:], 1, axis=0)])


def interleaved(values):
    return values[np.arange(len(values)).reshape(2, -1).T.ravel()]


def of_other_view(values):
    return np.roll(values, len(values) // 2, axis=0)


def whole(boxes):
    return np.tile(np.float32([0, 0, 1, 1]), (len(boxes), 1))


IDENTICAL = dict.fromkeys(("views", "boxes_rel_xyxy", "flips"), first_half_twice)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"views": nan_in}, "NaN"),
        ({"views": lambda views: views / 255 - 0.5}, r"\[0, 255\]"),
        ({"views": lambda views: views * 1.2}, r"\[0, 255\]"),
        (IDENTICAL, "two identical views"),
        ({"views": lambda views: np.roll(views, 1, axis=0)}, "a crop explains"),
        ({"views": second_half_shifted}, "look more like"),
        ({"views": interleaved}, "a crop explains"),
        ({"boxes_rel_xyxy": of_other_view}, "a crop explains"),
        ({"boxes_rel_xyxy": lambda boxes: boxes[:, [1, 0, 3, 2]]}, "a crop explains"),
        ({"boxes_rel_xyxy": whole}, "a crop explains"),
        ({"flips": np.logical_not}, "a crop explains"),
        ({"flips": np.zeros_like}, "look more like mirror images"),
        ({"flips": of_other_view}, "look more like mirror images"),
    ],
)
def test_views_that_are_not_what_they_claim_are_refused(images, changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        audit_views(Tampered(changes), images)


def test_an_augmenter_that_does_nothing_is_refused(images):
    idle = {"area_range": (1.0, 1.0), "aspect_range": (1.0, 1.0), "flip_rate": 0.0}
    with pytest.raises(ValueError, match="16 of 16 images have two identical views"):
        audit_views(SimCLRAugmenter(40, **idle, **PLAIN), images)


@pytest.mark.parametrize("num_blank", [12, 16])
def test_blank_images_are_no_fault_of_the_augmenter(images, num_blank):
    images = images.copy()
    images[:num_blank] = 255
    audit_views(SimCLRAugmenter(40, **PLAIN), images)


def test_blank_images_do_not_hide_an_augmenter_that_does_nothing(images):
    images = images.copy()
    images[:12] = np.arange(12).reshape(-1, 1, 1, 1)
    with pytest.raises(ValueError, match="4 of 4 images have two identical views"):
        audit_views(Tampered(IDENTICAL), images)


@pytest.mark.parametrize("brightest", [0, 1, 16, 31])
def test_photos_that_are_all_nearly_black_are_refused(brightest):
    rng = np.random.default_rng(0)
    dark = rng.integers(0, brightest + 1, (4, 48, 48, 3)).astype("uint8")
    dark[2, 3, 5] = brightest
    with pytest.raises(ValueError, match=f"nearly black: of 4 .* {brightest} of 255"):
        audit_views(SimCLRAugmenter(32, seed=0), dark)


def test_one_photo_with_a_light_among_dark_ones_is_enough():
    dark = np.random.default_rng(0).integers(0, 17, (4, 48, 48, 3)).astype("uint8")
    dark[1, :24] += 60
    audit_views(SimCLRAugmenter(32, seed=0), dark)
