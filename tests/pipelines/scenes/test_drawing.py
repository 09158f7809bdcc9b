import itertools

import numpy as np
import pytest

from pipelines.scenes import drawing, painting, textures
from tests.pipelines.scenes import reference

SIZE = (96, 72)


def draw_some(num_scenes, seed=0):
    names = sorted(drawing.CLASSES)
    return [
        drawing.draw_scene(
            names[index % len(names)], SIZE, np.random.default_rng([seed, index])
        )
        for index in range(num_scenes)
    ]


@pytest.fixture(scope="module")
def scenes():
    return draw_some(60)


def extent(mask):
    """Box of the true pixels, 1-based, both ends inside."""
    places = np.argwhere(mask)[:, ::-1] + 1  # x, y
    return (*places.min(0), *places.max(0))


def test_boxes_are_the_extent_of_pixels_that_have_one_owner(scenes):
    for scene in scenes:
        assert all(drawn.box == extent(drawn.visible) for drawn in scene.objects)
        assert np.sum([drawn.visible for drawn in scene.objects], axis=0).max() == 1


def test_a_lone_objects_box_is_where_its_color_is(monkeypatch):
    def red_on_blue(rng, contrast):
        color = (255, 0, 0) if contrast == 1.0 else (0, 0, 255)
        return (np.array(color, "float32"),) * 2

    monkeypatch.setattr(drawing, "MAX_SMALL_OBJECTS", 0)
    monkeypatch.setattr(drawing, "PIXEL_NOISE", 0.0)
    monkeypatch.setattr(painting, "SHADING", 0.0)
    monkeypatch.setattr(painting, "CONTOUR_LEVELS", (255.0,))
    monkeypatch.setattr(painting, "_colors", red_on_blue)
    for scene in draw_some(20):
        (drawn,) = scene.objects
        assert drawn.box == extent(scene.pixels[..., 0] >= 128)


def test_visible_pixels_are_those_of_the_outline_that_nothing_in_front_covers(scenes):
    width, height = SIZE
    for scene in scenes[:12]:
        coverages = [
            reference.coverage(drawn.outline, *SIZE) for drawn in scene.objects
        ]
        owner = np.full((height, width), -1)
        for index, coverage in enumerate(coverages):
            owner[coverage >= 0.5] = index
        # The drawing counts on a grid of its own: close to a half it may differ.
        close = np.any([np.abs(coverage - 0.5) < 0.06 for coverage in coverages], 0)
        assert close.mean() < 0.03
        for index, drawn in enumerate(scene.objects):
            np.testing.assert_array_equal(
                drawn.visible[~close], (owner == index)[~close]
            )


def test_objects_are_difficult_if_mostly_hidden_and_truncated_if_cut(scenes):
    seen = set()
    for drawn in (drawn for scene in scenes for drawn in scene.objects):
        # What lies beyond the frame is hidden too.
        share = np.count_nonzero(drawn.visible) / reference.area(drawn.outline)
        if drawn.difficult:
            assert share < drawing.DIFFICULT_SHARE + 0.03
        else:
            assert share > drawing.DIFFICULT_SHARE - 0.03
        low, high = drawn.outline.min(0), drawn.outline.max(0)
        beyond = np.maximum(-low, high - SIZE).max()
        # A thin tip beyond the frame may cover no half pixel.
        assert beyond > 0 if drawn.truncated else beyond < 2
        seen |= {("difficult", drawn.difficult), ("truncated", drawn.truncated)}
    assert len(seen) == 4


def test_main_object_is_never_difficult(scenes):
    for name, scene in zip(itertools.cycle(sorted(drawing.CLASSES)), scenes):
        assert (name, False) in [(it.name, it.difficult) for it in scene.objects]


def test_no_two_classes_share_a_shape_or_a_pattern():
    used_shapes, used_textures = zip(*drawing.CLASSES.values(), strict=True)
    assert len(drawing.CLASSES) >= 8
    assert len(set(used_shapes)) == len(set(used_textures)) == len(drawing.CLASSES)


@pytest.mark.parametrize("texture", drawing.CLUTTER_TEXTURES)
def test_textures_measure_the_distance_to_their_edge(texture):
    """Near an edge, a step of a thirtieth of a period changes the value by as much."""
    step = np.float32(1 / 30)
    u, v = np.mgrid[-2.5:2.5:200j, -2.5:2.5:200j].astype("float32")
    center, aside, below = (
        texture(u + du, v + dv, np.random.default_rng(0))
        for du, dv in ((0, 0), (step, 0), (0, step))
    )
    slope = np.hypot(aside - center, below - center) / step
    near = np.abs(center) < 0.03
    if texture is textures.plain:
        assert not near.any()
    else:
        assert 0.5 < np.median(slope[near]) < 2.0
        # Both colors occur: neither is a rare speck.
        assert 0.15 < (center > 0).mean() < 0.85


def histogram(scene):
    bins = scene.pixels // 64 @ np.array([16, 4, 1])
    counts = np.bincount(bins.ravel(), minlength=64)
    return np.sqrt(counts / counts.sum())


@pytest.mark.slow
def test_color_histograms_do_not_tell_the_classes_apart():
    scenes = draw_some(400, seed=1)
    labels = np.arange(400) % len(drawing.CLASSES)
    features = np.stack([histogram(scene) for scene in scenes])
    similarity = features[200:] @ features[:200].T
    neighbours = labels[:200][np.argsort(-similarity, axis=1)[:, :20]]
    votes = [np.bincount(row, minlength=len(drawing.CLASSES)) for row in neighbours]
    accuracy = np.mean(np.argmax(votes, axis=1) == labels[200:])
    # Chance is 0.1; twice that is nearly five standard deviations of 200 draws.
    assert accuracy < 0.2
