import numpy as np
import pytest

from pipelines.scenes import drawing, painting, textures

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


def reference_coverage(outline, num_points=8):
    """Share of a grid of points in each pixel that is inside by the even-odd rule."""
    width, height = SIZE
    y, x = (np.mgrid[: height * num_points, : width * num_points] + 0.5) / num_points
    inside = np.zeros(x.shape, bool)
    for (x1, y1), (x2, y2) in zip(outline, np.roll(outline, -1, 0), strict=True):
        if y1 != y2:
            crossed = (y1 > y) != (y2 > y)
            inside ^= crossed & (x < x1 + (y - y1) / (y2 - y1) * (x2 - x1))
    return inside.reshape(height, num_points, width, num_points).mean((1, 3))


def reference_area(outline):
    """Shoelace formula, in square pixels."""
    x, y = outline.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def test_boxes_are_the_extent_of_the_visible_pixels(scenes):
    for scene in scenes:
        for drawn in scene.objects:
            rows, columns = np.nonzero(drawn.visible)
            # 1-based, both ends inside.
            assert drawn.box == (
                columns.min() + 1,
                rows.min() + 1,
                columns.max() + 1,
                rows.max() + 1,
            )


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
        rows, columns = np.nonzero(scene.pixels[..., 0] >= 128)
        assert drawn.box == (
            columns.min() + 1,
            rows.min() + 1,
            columns.max() + 1,
            rows.max() + 1,
        )


def test_visible_pixels_are_those_of_the_outline_that_nothing_in_front_covers(scenes):
    width, height = SIZE
    for scene in scenes[:12]:
        coverages = [reference_coverage(drawn.outline) for drawn in scene.objects]
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


def test_every_visible_pixel_has_one_owner(scenes):
    for scene in scenes:
        assert np.sum([drawn.visible for drawn in scene.objects], axis=0).max() == 1


def test_difficult_objects_are_mostly_hidden_and_no_others(scenes):
    seen = set()
    for scene in scenes:
        for drawn in scene.objects:
            # What lies beyond the frame is hidden too.
            share = np.count_nonzero(drawn.visible) / reference_area(drawn.outline)
            seen.add(drawn.difficult)
            if drawn.difficult:
                assert share < drawing.DIFFICULT_SHARE + 0.03
            else:
                assert share > drawing.DIFFICULT_SHARE - 0.03
    assert seen == {False, True}


def test_truncated_objects_are_those_that_leave_the_frame(scenes):
    seen = set()
    for scene in scenes:
        for drawn in scene.objects:
            beyond = np.maximum(
                -drawn.outline.min(0), drawn.outline.max(0) - SIZE
            ).max()
            seen.add(drawn.truncated)
            if drawn.truncated:
                assert beyond > 0
            else:
                assert beyond < 2  # a thin tip may cover no half pixel
    assert seen == {False, True}


def test_the_main_object_is_never_difficult(scenes):
    names = sorted(drawing.CLASSES)
    for index, scene in enumerate(scenes):
        main = names[index % len(names)]
        assert any(
            drawn.name == main and not drawn.difficult for drawn in scene.objects
        )


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
