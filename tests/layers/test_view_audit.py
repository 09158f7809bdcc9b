import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import SimCLRAugmenter, audit_views
from tests import tiny


@pytest.fixture(scope="module")
def images():
    return tiny.draw_photos(16, size=40)


class Tampered:
    """An augmenter, entries of whose dictionary `tamper` replaces."""

    def __init__(self, tamper, **arguments):
        self.augmenter = SimCLRAugmenter(32, seed=0, **arguments)
        self.tamper = tamper

    def __call__(self, images):
        drawn = self.augmenter(images)
        both = {key: ops.convert_to_numpy(ops.concatenate(drawn[key])) for key in drawn}
        tampered = self.tamper(both["views"], both["boxes_rel_xyxy"], both["flips"])
        return {key: np.split(values, 2) for key, values in (both | tampered).items()}


def other_view(values):
    """The values of the other view of each image."""
    return np.roll(values, len(values) // 2, axis=0)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"color_strength": 0.0, "grayscale_rate": 0.0, "blur_rate": 0.0},
        {"grayscale_rate": 1.0, "blur_rate": 1.0},
        {"solarize_rate": 0.5},
        {"solarize_rate": 1.0},
        {"area_range": (0.9, 1.0), "flip_rate": 0.0},
        {"area_range": (0.2, 1.0), "color_strength": 0.5, "blur_rate": 0.0},
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_views_of_the_augmenter_pass(images, arguments, seed):
    augmenter = SimCLRAugmenter(32, seed=seed, **arguments)
    for view in audit_views(augmenter, images)["views"]:
        assert isinstance(view, np.ndarray) and view.shape == (16, 32, 32, 3)


def test_views_of_several_sizes_pass_and_their_boxes_are_checked(images):
    small = SimCLRAugmenter(16, seed=1)
    large = SimCLRAugmenter(32, seed=0)

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


def test_white_photos_among_others_pass(images):
    mixed = images.copy()
    mixed[:3] = 255
    mixed[3] = 0
    audit_views(SimCLRAugmenter(32, seed=0), mixed)


def test_photos_that_look_alike_pass():
    # Frames of one camera: all nearly the same.
    noise = np.random.default_rng(0).integers(-3, 4, (16, 40, 40, 3))
    frames = tiny.draw_photos(1, size=40).astype(int) + noise
    audit_views(SimCLRAugmenter(32, seed=0), np.clip(frames, 0, 255).astype("uint8"))


def nan_in(views):
    views = views.copy()
    views[3, 4, 5, 1] = np.nan
    return views


def first_half_twice(values):
    return np.tile(values[: len(values) // 2], (2,) + (1,) * (values.ndim - 1))


def second_half_shifted(values):
    half = len(values) // 2
    return np.concatenate([values[:half], np.roll(values[half:], 1, axis=0)])


def interleaved(values):
    return values[np.arange(len(values)).reshape(2, -1).T.ravel()]


# Each takes views, boxes and flips, view a before view b, and returns what it changed.
TAMPERS = {
    "nan": (lambda v, b, f: {"views": nan_in(v)}, "NaN or infinite"),
    "range": (lambda v, b, f: {"views": v / 255 - 0.5}, r"leave \[0, 255\]"),
    "brightness": (lambda v, b, f: {"views": v * 1.2}, r"leave \[0, 255\]"),
    "identical": (
        lambda v, b, f: {
            "views": first_half_twice(v),
            "boxes_rel_xyxy": first_half_twice(b),
            "flips": first_half_twice(f),
        },
        "two identical views",
    ),
    "order of views": (
        lambda v, b, f: {"views": np.roll(v, 1, axis=0)},
        "a crop explains",
    ),
    "order of one side": (
        lambda v, b, f: {"views": second_half_shifted(v)},
        "look more like",
    ),
    "interleaved views": (lambda v, b, f: {"views": interleaved(v)}, "a crop explains"),
    "boxes of the other view": (
        lambda v, b, f: {"boxes_rel_xyxy": other_view(b)},
        "a crop explains",
    ),
    "axes of boxes": (
        lambda v, b, f: {"boxes_rel_xyxy": b[:, [1, 0, 3, 2]]},
        "a crop explains",
    ),
    "whole boxes": (
        lambda v, b, f: {"boxes_rel_xyxy": np.zeros_like(b) + np.float32([0, 0, 1, 1])},
        "a crop explains",
    ),
    "inverted flips": (lambda v, b, f: {"flips": ~f}, "a crop explains"),
    "forgotten flips": (
        lambda v, b, f: {"flips": np.zeros_like(f)},
        "look more like mirror images",
    ),
    "flips of the other view": (
        lambda v, b, f: {"flips": other_view(f)},
        "look more like mirror images",
    ),
}


@pytest.mark.parametrize(("tamper", "complaint"), TAMPERS.values(), ids=TAMPERS)
def test_views_that_are_not_what_they_claim_are_refused(images, tamper, complaint):
    with pytest.raises(ValueError, match=complaint):
        audit_views(Tampered(tamper), images)


def test_an_augmenter_that_does_nothing_is_refused(images):
    idle = SimCLRAugmenter(
        40,
        area_range=(1.0, 1.0),
        aspect_range=(1.0, 1.0),
        flip_rate=0.0,
        color_rate=0.0,
        grayscale_rate=0.0,
        blur_rate=0.0,
    )
    with pytest.raises(ValueError, match="16 of 16 images have two identical views"):
        audit_views(idle, images)


@pytest.mark.parametrize("num_blank", [12, 16])
def test_blank_images_are_no_fault_of_the_augmenter(images, num_blank):
    images = images.copy()
    images[:num_blank] = 255
    plain = SimCLRAugmenter(40, color_rate=0.0, grayscale_rate=0.0, blur_rate=0.0)
    audit_views(plain, images)


def test_blank_images_do_not_hide_an_augmenter_that_does_nothing(images):
    images = images.copy()
    images[:12] = np.arange(12).reshape(-1, 1, 1, 1)
    with pytest.raises(ValueError, match="4 of 4 images have two identical views"):
        audit_views(Tampered(TAMPERS["identical"][0]), images)
