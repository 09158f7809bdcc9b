"""ImageNet weights and other .h5 files arrive as features, or not at all."""

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils import file_utils

import ssl_voc
from ssl_voc.models import plain_backbone
from ssl_voc.models.pretrained_weights import load_pretrained_weights
from tests import tiny


def build_b0(weights):
    return keras.applications.EfficientNetB0(
        include_top=False, weights=weights, input_shape=(64, 64, 3)
    )


def assert_same_features(features, expected):
    """Compares feature maps by the size of their largest entry."""
    largest = np.abs(expected).max()
    np.testing.assert_allclose(features, expected, atol=1e-3 * largest, rtol=0)


@pytest.fixture(scope="module")
def imagenet_file(tmp_path_factory):
    """A file as `efficientnetb0_notop.h5`: its statistics of pixels, random kernels.

    Keras' files hold means and *deviations* of ImageNet's colors, the latter in the
    place of variances.
    """
    model = build_b0(None)
    tiny.randomize(model)
    (normalization,) = (
        layer for layer in model.layers if isinstance(layer, keras.layers.Normalization)
    )
    means, deviations = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    # What the pixels go through in the end: (pixel / 255 - mean) / deviation.
    normalization.set_weights([means, deviations**2, np.array(0)])
    normalization.finalize_state()
    tiny.settle_statistics(model)
    normalization.set_weights([means, deviations, np.array(0)])
    path = tmp_path_factory.mktemp("imagenet") / "efficientnetb0_notop.h5"
    with h5py.File(path, "w") as file:  # in the format of Keras 2, as Keras' files
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return path


@pytest.fixture(scope="module")
def imagenet_graph(imagenet_file):
    """Keras' own graph for ImageNet weights, and the file where Keras looks for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_utils, "get_file", lambda *_, **__: str(imagenet_file))
        model = build_b0("imagenet")
        assert sum(isinstance(la, keras.layers.Rescaling) for la in model.layers) == 2
        yield model


def save_graph(graph, imagenet_file, folder):
    graph.save(folder / "imagenet.keras")
    return folder / "imagenet.keras"


def save_weights_of_bare_graph(graph, imagenet_file, folder):
    """The file in the graph that Keras builds for other weights, saved by Keras 3.

    Keras 3 names weights by the classes of layers; ours are fused batch norms.
    """
    bare = build_b0(str(imagenet_file))
    with pytest.raises(AssertionError):  # what it computes is far off
        assert_same_features(tiny.features_of(bare), tiny.features_of(graph))
    bare.save_weights(folder / "graph.weights.h5")
    return folder / "graph.weights.h5"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(lambda graph, file, folder: "imagenet", id="imagenet"),
        pytest.param(
            lambda graph, file, folder: file, id="its file", marks=pytest.mark.slow
        ),
        pytest.param(save_graph, id="saved graph", marks=pytest.mark.slow),
        pytest.param(
            save_weights_of_bare_graph,
            id="weights of the bare graph",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_imagenet_weights_give_the_features_of_keras_graph_and_survive_saving(
    source, imagenet_graph, imagenet_file, tmp_path
):
    weights = source(imagenet_graph, imagenet_file, tmp_path)
    model = ssl_voc.backbone("EfficientNetB0", image_size=64, weights=weights)
    features = tiny.features_of(model)
    assert_same_features(features, tiny.features_of(imagenet_graph))
    if weights == imagenet_file:
        plain = plain_backbone(model)
        np.testing.assert_allclose(tiny.features_of(plain), features, atol=1e-4)
        plain.save(tmp_path / "backbone.keras")
        again = ssl_voc.backbone("EfficientNetB0", 64, tmp_path / "backbone.keras")
        np.testing.assert_allclose(tiny.features_of(again), features, atol=1e-4)


@pytest.mark.slow
def test_a_file_that_fits_half_leaves_the_model_untouched(imagenet_file, tmp_path):
    broken = tmp_path / "broken_notop.h5"
    broken.write_bytes(imagenet_file.read_bytes())
    with h5py.File(broken, "r+") as file:
        # Keras assigns layer after layer, and fails at one that is near the last.
        names = list(file.attrs["layer_names"])
        full = [name for name in names if file[name].attrs["weight_names"].size]
        group = file[full[-1]]
        key = group.attrs["weight_names"][0]
        wrong = np.zeros(np.array(group[key].shape) + 1, "float32")
        del group[key]
        group[key] = wrong
    model = ssl_voc.backbone("EfficientNetB0", image_size=64)
    before, features = model.get_weights(), tiny.features_of(model)
    with pytest.raises(ValueError, match="does not fit the backbone") as error:
        load_pretrained_weights(model, build_b0, broken)
    assert "\n" not in str(error.value)
    keras.tree.map_structure(np.testing.assert_array_equal, model.get_weights(), before)
    np.testing.assert_array_equal(tiny.features_of(model), features)


@pytest.mark.slow
def test_a_file_of_fewer_layers_is_refused(imagenet_file, tmp_path):
    path = tmp_path / "half_notop.h5"
    with h5py.File(imagenet_file) as whole, h5py.File(path, "w") as half:
        names = list(whole.attrs["layer_names"])
        half.attrs["layer_names"] = names[: len(names) // 2]
        for name in half.attrs["layer_names"]:
            whole.copy(whole[name], half, name=name)
    with pytest.raises(ValueError, match="half_notop.h5 does not fit the backbone"):
        ssl_voc.backbone("EfficientNetB0", image_size=64, weights=path)


@pytest.mark.slow
def test_a_file_is_refused_by_a_backbone_that_computes_otherwise(imagenet_file):
    def without_sigmoid(layer):
        config = layer.get_config()
        if config.get("activation") == "sigmoid":
            config["activation"] = "tanh"
        return layer.__class__.from_config(config)

    model = ssl_voc.backbone("EfficientNetB0", image_size=64)
    model = keras.models.clone_model(model, clone_function=without_sigmoid)
    before = model.get_weights()
    with pytest.raises(ValueError, match="_notop.h5 has weights.*another graph"):
        load_pretrained_weights(model, build_b0, imagenet_file)
    keras.tree.map_structure(np.testing.assert_array_equal, model.get_weights(), before)
