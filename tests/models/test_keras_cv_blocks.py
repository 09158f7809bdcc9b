"""`flattened`: the same network as KerasCV's, of layers of its own graph."""

import keras
import numpy as np
import pytest

import ssl_voc
from ssl_voc.layers.fused_batch_normalization import FusedBatchNormalization
from ssl_voc.layers.silu import FusedSiLU
from ssl_voc.models.keras_cv_blocks import flattened
from tests import tiny

pytestmark = pytest.mark.slow  # KerasCV alone takes seconds to import


@pytest.mark.parametrize("use_depthwise", [False, True])
def test_features_are_those_of_keras_cv(use_depthwise):
    keras_cv = pytest.importorskip("keras_cv")
    original = keras_cv.models.CSPDarkNetBackbone(
        stackwise_channels=[16, 24, 32, 40],
        stackwise_depth=[1, 2, 1, 1],
        include_rescaling=True,
        use_depthwise=use_depthwise,
        input_shape=(64, 64, 3),
    )
    tiny.randomize(original)
    copy = flattened(original)
    kinds = {type(layer).__name__ for layer in copy.layers}
    assert "CrossStagePartial" not in kinds and "Add" in kinds
    images = tiny.draw_photos(2, size=64).astype("float32")
    for training in (False, True):
        found, expected = (
            keras.ops.convert_to_numpy(model(images, training=training))
            for model in (copy, original)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert copy.count_params() == original.count_params()


def test_every_norm_and_activation_is_the_quick_one_and_files_need_no_keras_cv(
    tmp_path,
):
    pytest.importorskip("keras_cv")
    model = ssl_voc.backbone("keras_cv:CSPDarkNetTinyBackbone", 64)
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    silus = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Activation)
    ]
    assert len(norms) == len(silus) == 35
    assert {type(layer) for layer in norms} == {FusedBatchNormalization}
    assert {type(layer) for layer in silus} == {FusedSiLU}
    plain = ssl_voc.models.plain_backbone(model)
    modules = {type(layer).__module__.split(".")[0] for layer in plain.layers}
    assert modules == {"keras"}
