"""Cascading randomization: every learned weight is lost, and the model is not."""

import re

import keras
import numpy as np

import ssl_voc
from ssl_voc.heat_maps import randomized_correlations
from ssl_voc.heat_maps.weight_randomization import randomization_stages
from tests import tiny


def build_normalizing_backbone():
    """A backbone of five convolutions that knows the statistics of its pixels."""

    def replace(layer):
        if isinstance(layer, keras.layers.Rescaling):
            return keras.layers.Normalization()
        return layer.__class__.from_config(layer.get_config())

    deep = tiny.build_deep_backbone()
    return keras.models.clone_model(deep, clone_function=replace)


def test_stages_lose_every_weight_once_from_the_output_down():
    model = ssl_voc.Localizer(build_normalizing_backbone(), 2)
    model.build()
    stages = randomization_stages(model)
    assert [name for name, _ in stages][0] == "head" and len(stages) == 5
    lost = [index for _, indices in stages for index in indices]
    assert len(lost) == len(set(lost))
    kept = {model.weights[i].path for i in range(len(model.weights)) if i not in lost}
    # Keras numbers its layers by how many there were before.
    scaling = re.compile(r"(^|/)normalization(_\d+)?/")
    assert all(scaling.search(path) or "seed" in path for path in kept), kept
    assert any(scaling.search(path) for path in kept)
    first = [model.weights[index].path for index in stages[0][1]]
    assert all("localization_head" in path for path in first)
    last = [model.weights[index].path for index in stages[-1][1]]
    assert any("conv_0" in path for path in last)
    assert not any("conv_4" in path for path in last)


def test_a_learned_map_is_lost_stage_by_stage_and_the_model_is_kept():
    model, seen = tiny.build_localizer(), []
    tiny.randomize(model.backbone)
    photos = tiny.draw_photos(8, size=32)

    def make_maps(copy):
        seen.append(copy.get_weights())
        return ssl_voc.grad_cam(copy, photos, 1, upsample=False)

    names, found, others = randomized_correlations(model, make_maps, seed=5)
    assert names[0] == "head" and found.shape == (3, 8) and others.shape == (8,)
    assert abs(found[-1].mean()) < 0.6
    seen.append(model.get_weights())
    learned, *copies, kept = [
        [np.array_equal(*pair) for pair in zip(weights, seen[0], strict=True)]
        for weights in seen
    ]
    assert all(learned) and all(kept)
    counts = [sum(same) for same in copies]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1]
    pairs = zip(copies[-1], model.weights, strict=True)
    assert not any(same for same, weight in pairs if weight.path.endswith("kernel"))


def test_cells_of_padding_are_not_compared():
    random = np.random.default_rng(0)
    maps = random.random((3, 4, 6))
    maps[2, :2, :5] = 0.0  # says nothing of its photo, whatever its padding has

    def make_maps(model):
        drawn = random.random(maps.shape)
        drawn[0, :, :3], drawn[1:, :2, :5] = maps[0, :, :3], maps[1:, :2, :5]
        return drawn

    shares = [(1.0, 0.5), (0.4, 0.8), (0.4, 0.8)]
    model = tiny.build_localizer()
    _, found, others = randomized_correlations(model, make_maps, shares=shares)
    np.testing.assert_allclose(found[-1], [1.0, 1.0, np.nan])
    assert abs(others[1]) < 1 and np.isnan(others[2])
    _, found, _ = randomized_correlations(model, make_maps)
    assert (found[-1] < 0.99).all()


def test_maps_that_ignore_the_weights_are_found_out_and_empty_ones_not_taken_for_lost():
    model = tiny.build_localizer()
    brightness = tiny.draw_photos(5, size=32).mean(axis=-1)
    _, found, others = randomized_correlations(model, lambda model: brightness)
    np.testing.assert_allclose(found, 1.0)
    assert (others < 0.9).all()
    maps = np.random.default_rng(0).random((3, 4, 4))
    maps[1] = 0.0
    _, found, others = randomized_correlations(model, lambda _: maps)
    np.testing.assert_allclose(found[-1], [1.0, np.nan, 1.0])
    assert np.isnan(others[1]) and others[2] == 0.0
    # A photo alone is no other photo.
    _, _, others = randomized_correlations(model, lambda _: maps[:1])
    assert np.isnan(others).all()
