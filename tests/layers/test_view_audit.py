import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import SimCLRAugmenter, audit_views
from tests import tiny


@pytest.fixture(scope="module")
def images():
    return tiny.draw_photos(16, size=40)


class Tampered:
    """An augmenter whose dictionary `tamper` changed."""

    def __init__(self, tamper, **arguments):
        self.augmenter = SimCLRAugmenter(32, seed=0, **arguments)
        self.tamper = tamper

    def __call__(self, images):
        drawn = self.augmenter(images)
        drawn = {key: np.array(ops.convert_to_numpy(drawn[key])) for key in drawn}
        self.tamper(drawn)
        return drawn


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
    drawn = audit_views(augmenter, images)
    assert drawn["views"].shape == (32, 32, 32, 3)
    assert isinstance(drawn["views"], np.ndarray)


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


def tamper_nan(drawn):
    drawn["views"][3, 4, 5, 1] = np.nan


def tamper_range(drawn):
    drawn["views"] *= 1 / 255.0
    drawn["views"] -= 0.5


def tamper_brightness(drawn):
    drawn["views"] *= 1.2


def tamper_identical(drawn):
    half = len(drawn["views"]) // 2
    for values in drawn.values():
        values[half:] = values[:half]


def tamper_order_of_views(drawn):
    drawn["views"] = np.roll(drawn["views"], 1, axis=0)


def tamper_order_of_one_side(drawn):
    half = len(drawn["views"]) // 2
    drawn["views"][half:] = np.roll(drawn["views"][half:], 1, axis=0)


def tamper_other_boxes(drawn):
    drawn["boxes_rel_xyxy"] = other_view(drawn["boxes_rel_xyxy"])


def tamper_axes_of_boxes(drawn):
    drawn["boxes_rel_xyxy"] = drawn["boxes_rel_xyxy"][:, [1, 0, 3, 2]]


def tamper_whole_boxes(drawn):
    drawn["boxes_rel_xyxy"][:] = (0, 0, 1, 1)


def tamper_inverted_flips(drawn):
    drawn["flips"] = ~drawn["flips"]


def tamper_forgotten_flips(drawn):
    drawn["flips"][:] = False


def tamper_flips_of_the_other_view(drawn):
    drawn["flips"] = other_view(drawn["flips"])


def tamper_interleaved_views(drawn):
    order = np.arange(len(drawn["views"])).reshape(2, -1).T.ravel()
    drawn["views"] = drawn["views"][order]


@pytest.mark.parametrize(
    ("tamper", "complaint"),
    [
        (tamper_nan, "not finite"),
        (tamper_range, r"leave \[0, 255\]"),
        (tamper_brightness, r"leave \[0, 255\]"),
        (tamper_identical, "two identical views"),
        (tamper_order_of_views, "a crop explains"),
        (tamper_order_of_one_side, "look more like"),
        (tamper_other_boxes, "a crop explains"),
        (tamper_axes_of_boxes, "a crop explains"),
        (tamper_whole_boxes, "a crop explains"),
        (tamper_inverted_flips, "a crop explains"),
        (tamper_forgotten_flips, "look more like mirror images"),
        (tamper_flips_of_the_other_view, "look more like mirror images"),
        (tamper_interleaved_views, "a crop explains"),
    ],
)
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
        audit_views(Tampered(tamper_identical), images)
