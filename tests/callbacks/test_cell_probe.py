"""`CellProbe`: measures of the cells of two fixed crops."""

import keras
import numpy as np
import pytest
from keras import layers

from ssl_voc.callbacks import CellProbe
from ssl_voc.layers.cell_matching import match_cells
from ssl_voc.metrics import cell_match_gap, spatial_rank
from ssl_voc.models.cloning import resized
from ssl_voc.models.pyramid import feature_levels
from tests import tiny


@pytest.fixture(scope="module")
def backbone():
    keras.utils.set_random_seed(0)
    model = tiny.build_deep_backbone(48)
    tiny.settle_statistics(model)
    return model


def test_measures_are_those_of_the_maps_of_stride_16_of_two_crops(backbone):
    # At the size of the views three quarters are 48 pixels: nothing is resampled.
    images = tiny.draw_photos(5, size=64)
    before = backbone.get_weights()
    logs = {"loss": 1.0}
    CellProbe(backbone, 48, images, batch_size=4).on_epoch_end(0, logs)
    for weight, old in zip(backbone.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    level = feature_levels(backbone, [16])
    crops = images[:, :48, :48], images[:, 16:, 16:]
    maps_a, maps_b = (np.asarray(level(crop.astype("float32"))) for crop in crops)
    assert maps_a.shape == (5, 3, 3, 16)
    boxes = np.float32([[0, 0, 0.75, 0.75]] * 5), np.float32([[0.25, 0.25, 1, 1]] * 5)
    upright = np.zeros(5, bool)
    matches = match_cells(boxes[0], upright, boxes[1], upright, (3, 3))
    # One cell further right and down, each cell shows the same place.
    assert np.asarray(matches)[0, 4, 0] and not np.asarray(matches)[0, 0, 4]
    assert set(logs) == {"loss", "spatial_rank", "cell_match_gap"}
    rank = spatial_rank(np.concatenate([maps_a, maps_b]))
    assert logs["spatial_rank"] == pytest.approx(rank, rel=1e-3)
    gap = cell_match_gap(maps_a, maps_b, matches)
    assert logs["cell_match_gap"] == pytest.approx(gap, rel=1e-2, abs=1e-4)


def test_a_network_that_shows_each_cell_its_pixels_has_a_gap_and_one_that_pools_none():
    inputs = keras.Input((64, 64, 3))
    pooled = layers.AveragePooling2D(16)(layers.Rescaling(1 / 127.5, -1.0)(inputs))
    images = np.random.default_rng(0).integers(0, 256, (8, 5, 5, 3)).astype("uint8")
    images = images.repeat(16, axis=1).repeat(16, axis=2)
    seeing = CellProbe(keras.Model(inputs, pooled), 64, images).measure()
    assert seeing["cell_match_gap"] > 0.2 and seeing["spatial_rank"] > 1.8
    same = layers.UpSampling2D(4)(layers.AveragePooling2D(4)(pooled))
    blind = CellProbe(keras.Model(inputs, same), 64, images).measure()
    assert blind["cell_match_gap"] == pytest.approx(0.0, abs=1e-3)
    assert blind["spatial_rank"] == pytest.approx(1.0, abs=1e-3)


def test_networks_of_any_size_and_without_that_stride_are_looked_at(backbone):
    images = tiny.draw_photos(3, size=64)
    of_size = CellProbe(backbone, 48, images).measure()
    of_any = CellProbe(resized(backbone, None), 48, images).measure()
    assert of_any == pytest.approx(of_size, rel=1e-4)
    shallow = CellProbe(tiny.build_backbone(32), 32, images)
    assert shallow.extractor.output_shape == (None, 7, 7, 16)
    assert np.isfinite([*shallow.measure().values()]).all()
