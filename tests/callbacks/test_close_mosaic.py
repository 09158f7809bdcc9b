import keras
import numpy as np
import pytest

from ssl_voc.callbacks import CloseMosaic, EpochSeeds
from ssl_voc.layers import DetectionAugmenter
from tests import tiny
from tests.mosaic_shares import mosaic_shares


def build_augmenter(mosaic_rate):
    # Crops of whole mosaics: no tile is lost.
    return DetectionAugmenter(
        32, (2.0, 2.0), (1.0, 1.0), mosaic_rate=mosaic_rate, seed=0
    )


def test_a_compiled_training_draws_mosaics_before_the_switch_and_none_after():
    augmenter = build_augmenter(1.0)
    shares = mosaic_shares(augmenter, [CloseMosaic(augmenter, 2)], 4)
    np.testing.assert_allclose(shares, [1.0, 1.0, 0.0, 0.0])
    # Who trains on begins with mosaics again.
    assert float(augmenter.mosaic.current_rate) == 1.0


@pytest.mark.parametrize("initial_epoch", [1, 2, 3])
def test_a_training_that_goes_on_draws_the_mosaics_of_one_that_never_stopped(
    initial_epoch,
):
    def train(begin):
        augmenter = build_augmenter(0.5)
        callbacks = [EpochSeeds(3), CloseMosaic(augmenter, 3)]
        return mosaic_shares(augmenter, callbacks, 5, begin)

    whole = train(0)
    assert all(0.0 < share < 1.0 for share in whole[:3]) and whole[3:] == [0.0, 0.0]
    assert len(set(whole[:3])) > 1
    assert train(initial_epoch) == whole[initial_epoch:]


def test_a_saved_model_begins_with_the_rate_it_was_made_with(tmp_path):
    model = tiny.build_detector(
        augmenter=DetectionAugmenter(64, mosaic_rate=0.7, seed=0)
    )
    callback = CloseMosaic(model.augmenter, 0)
    callback.set_model(model)
    callback.on_epoch_begin(0)
    assert float(model.augmenter.mosaic.current_rate) == 0.0
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.augmenter.mosaic.current_rate) == pytest.approx(0.7)
    # Nor do the weights of an epoch without mosaics end those of the model.
    model.save_weights(tmp_path / "epoch.weights.h5")
    loaded.load_weights(tmp_path / "epoch.weights.h5")
    assert float(loaded.augmenter.mosaic.current_rate) == pytest.approx(0.7)
