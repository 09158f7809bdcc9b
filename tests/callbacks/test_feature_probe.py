import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.callbacks import FeatureProbe
from ssl_voc.metrics import effective_rank
from tests import reference, tiny


@pytest.fixture(scope="module")
def backbone():
    keras.utils.set_random_seed(0)
    model = tiny.build_backbone(20)
    tiny.randomize(model)
    return model


def features_of(backbone, images):
    """Pooled features in inference mode."""
    features = backbone(images.astype("float32"), training=False)
    return ops.convert_to_numpy(features).mean(axis=(1, 2))


def test_rank_is_that_of_pooled_features_of_whole_images(backbone):
    images = tiny.draw_photos(10, size=20)
    before = backbone.get_weights()
    # Without labels nobody asks for neighbors.
    probe = FeatureProbe(backbone, 20, images, batch_size=4, knn_epochs=[1])
    logs = {"loss": 1.0}
    probe.on_epoch_end(0, logs)
    for weight, old in zip(backbone.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    expected = effective_rank(features_of(backbone, images))
    assert logs["effective_rank"] == pytest.approx(expected, rel=1e-4)
    assert set(logs) == {"loss", "effective_rank"}


def test_images_are_resized_with_antialias(backbone):
    tf = pytest.importorskip("tensorflow")
    images = tiny.draw_photos(10, size=33)
    probe = FeatureProbe(backbone, 20, rank_images=images)
    resized = tf.image.resize(images, (20, 20), antialias=True).numpy()
    expected = effective_rank(features_of(backbone, resized))
    assert probe.measure_rank() == pytest.approx(expected, rel=1e-3)


@pytest.mark.slow
def test_resized_images_can_be_compiled_by_xla(backbone):
    images = tiny.draw_photos(10, size=33)
    plain, compiled = (
        FeatureProbe(backbone, 20, images, jit_compile=jit).measure_rank()
        for jit in (False, True)
    )
    assert compiled == pytest.approx(plain, rel=1e-4)


def test_second_half_is_told_by_its_neighbors_in_the_first(backbone):
    images = tiny.draw_photos(31, size=20)
    labels = np.random.default_rng(0).integers(0, 3, 31)
    probe = FeatureProbe(backbone, 20, images, images, labels)
    assert probe.num_queries == 15
    features = features_of(backbone, images)
    expected = reference.knn_accuracy(
        features[:16], labels[:16], features[16:], labels[16:]
    )
    assert np.mean(probe.measure_hits()) == pytest.approx(expected)


def test_neighbors_are_asked_after_the_epochs_named(backbone):
    images = tiny.draw_photos(6, size=20)
    labels = np.array([0, 1, 0, 1, 0, 1])
    probe = FeatureProbe(backbone, 20, images, images, labels, knn_epochs=[2, 4])
    measured = []
    for epoch in range(4):
        logs = {}
        probe.on_epoch_end(epoch, logs)
        measured.append("knn_top1" in logs)
        if measured[-1]:
            assert probe.hits[0] == epoch + 1
            assert logs["knn_top1"] == np.mean(probe.hits[1])
    assert measured == [False, True, False, True]


def test_majority_is_that_of_the_bank_on_the_queries(backbone):
    images = tiny.draw_photos(8, size=20)
    # The majority of the bank is 2; one of four queries has it.
    labels = np.array([2, 2, 2, 0, 0, 0, 2, 1])
    probe = FeatureProbe(backbone, 20, images, images, labels)
    assert probe.majority_share == pytest.approx(0.25)
