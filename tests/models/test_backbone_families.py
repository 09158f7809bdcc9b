"""What every family of backbones does alike, at one small member of each."""

import dataclasses

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils import file_utils

import ssl_voc
from ssl_voc.backbone_families import FAMILIES, KERAS_CV, KERAS_CV_SIZES, family_of
from ssl_voc.heat_maps.explained_layer import find_layer
from ssl_voc.models import fingerprint, plain_backbone
from ssl_voc.models.keras_cv_blocks import flattened
from ssl_voc.models.pyramid import feature_levels
from tests import tiny
from tests.dtype_policies import dtype_policy

SIZE = 64
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@dataclasses.dataclass
class Expected:
    """What is known of a member: the pixels its network takes, its pyramid."""

    preprocess: object  # None: pixels as they are
    channels: tuple  # of the levels of stride 8, 16, 32
    without_preprocessing: dict = dataclasses.field(default_factory=dict)
    stochastic_depth: bool = False


def standardized(pixels):
    return (pixels / 255 - MEAN) / DEVIATION


BARE = {"include_preprocessing": False}
MEMBERS = {
    # Keras' own network rescales.
    "EfficientNetB0": Expected(None, (240, 672, 1280), {}, True),
    "MobileNetV3Small": Expected(lambda p: p / 127.5 - 1, (96, 288, 576), BARE),
    "ResNet50V2": Expected(
        keras.applications.resnet_v2.preprocess_input, (128, 256, 2048)
    ),
    "ConvNeXtTiny": Expected(standardized, (192, 384, 768), BARE, True),
    "EfficientNetV2B0": Expected(standardized, (192, 672, 1280), BARE, True),
    "keras_cv:ResNet18V2Backbone": Expected(lambda p: p / 255, (256, 512, 512)),
    "keras_cv:CSPDarkNetTinyBackbone": Expected(lambda p: p / 255, (96, 192, 384)),
    "keras_cv:EfficientNetV2B0Backbone": Expected(
        lambda p: p / 255, (48, 112, 1280), stochastic_depth=True
    ),
}
# The others take seconds to build; of EfficientNets test_backbones tells.
QUICK = {"MobileNetV3Small"}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
        for name in MEMBERS
    ],
)
def member(request):
    """Name, backbone and what is expected of it."""
    keras.utils.set_random_seed(0)
    model = ssl_voc.backbone(request.param, image_size=SIZE)
    tiny.randomize(model)
    tiny.settle_statistics(model)
    return request.param, model, MEMBERS[request.param]


def build_bare(name, expected):
    """The network that the family wraps, which takes preprocessed pixels."""
    shape = (SIZE, SIZE, 3)
    if not name.startswith(KERAS_CV):
        return getattr(keras.applications, name)(
            include_top=False,
            weights=None,
            input_shape=shape,
            **expected.without_preprocessing,
        )
    import keras_cv

    class_name, settings = KERAS_CV_SIZES[name.removeprefix(KERAS_CV)]
    build = getattr(keras_cv.models, class_name)
    bare = build(**settings, include_rescaling=False, input_shape=shape)
    # Its weights in the order of ours; that it is the same network is tested below.
    return flattened(bare)


def features_of(model, pixels):
    return keras.ops.convert_to_numpy(model(np.asarray(pixels, "float32")))


def assert_close(features, expected):
    largest = np.abs(expected).max()
    np.testing.assert_allclose(features, expected, atol=1e-3 * largest, rtol=0)


def test_pixels_are_preprocessed_inside(member):
    name, model, expected = member
    bare = build_bare(name, expected)
    bare.set_weights(model.get_weights())
    pixels = tiny.draw_photos(2, SIZE).astype("float32")
    features = features_of(model, pixels)
    if expected.preprocess is None:
        assert_close(features, features_of(bare, pixels))
        return
    assert_close(features, features_of(bare, expected.preprocess(pixels.copy())))
    with pytest.raises(AssertionError):
        assert_close(features_of(bare, pixels), features)


def test_levels_and_explained_layers_are_found(member):
    _, model, expected = member
    levels = feature_levels(model, (8, 16, 32)).outputs
    assert [tuple(level.shape[1:3]) for level in levels] == [(8, 8), (4, 4), (2, 2)]
    assert tuple(level.shape[-1] for level in levels) == expected.channels
    assert levels[-1] is model.output
    assert find_layer(model) is model.output._keras_history.operation
    assert find_layer(model, 16) is levels[1]._keras_history.operation


def test_stochastic_depth_is_off_unless_asked_for_and_never_ignored(member):
    name, model, expected = member
    pixels = tiny.draw_photos(2, SIZE).astype("float32")

    def trained(network):
        return keras.ops.convert_to_numpy(network(pixels, training=True))

    np.testing.assert_array_equal(trained(model), trained(model))
    if expected.stochastic_depth:
        deep = ssl_voc.backbone(name, SIZE, drop_connect=0.9)
        deep.set_weights(model.get_weights())
        # Where nothing is dropped it is the same network.
        assert_close(features_of(deep, pixels), features_of(model, pixels))
        assert not np.array_equal(trained(deep), trained(deep))
        return
    with pytest.raises(ValueError, match="--drop-connect") as error:
        ssl_voc.backbone(name, SIZE, drop_connect=0.2)
    assert name in str(error.value) and "\n" not in str(error.value)


@pytest.mark.slow
def test_a_saved_copy_loads_as_weights_and_as_backbone(member, tmp_path):
    name, model, _ = member
    plain = plain_backbone(model)
    modules = {type(layer).__module__.split(".")[0] for layer in plain.layers}
    assert modules <= {"keras", name.partition(":")[0]}
    plain.save(tmp_path / "plain.keras")
    again = ssl_voc.backbone(name, SIZE, weights=tmp_path / "plain.keras")
    np.testing.assert_allclose(fingerprint(again), fingerprint(model), rtol=1e-5)
    from_file = ssl_voc.backbone(tmp_path / "plain.keras", SIZE)
    np.testing.assert_allclose(fingerprint(from_file), fingerprint(model), rtol=1e-5)
    norms = [
        layer
        for layer in from_file._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert {layer.momentum for layer in norms} == ({0.9} if norms else set())


def test_imagenet_weights_give_the_features_of_keras_network(
    member, tmp_path, monkeypatch
):
    name, model, expected = member
    if name.startswith(KERAS_CV):
        with pytest.raises(ValueError, match="keras.applications backbones only"):
            ssl_voc.backbone(name, SIZE, weights="imagenet")
        return
    if name.startswith("EfficientNetB"):
        pytest.skip("their file has other statistics of pixels: test_imagenet_weights")
    bare = build_bare(name, expected)
    bare.set_weights(model.get_weights())
    with h5py.File(tmp_path / "notop.h5", "w") as file:  # Keras 2 wrote them
        legacy_h5_format.save_weights_to_hdf5_group(file, bare)
    monkeypatch.setattr(
        file_utils, "get_file", lambda *_, **__: str(tmp_path / "notop.h5")
    )
    loaded = ssl_voc.backbone(name, SIZE, weights="imagenet")
    pixels = tiny.draw_photos(2, SIZE).astype("float32")
    assert_close(features_of(loaded, pixels), features_of(model, pixels))


@pytest.mark.slow
def test_precision_of_now_is_that_of_every_layer():
    with dtype_policy("mixed_bfloat16"):
        model = ssl_voc.backbone("ConvNeXtTiny", image_size=32)
    layers = [*model._flatten_layers(include_self=False)]
    assert {layer.compute_dtype for layer in layers} == {"bfloat16"}
    # A proof of weights is in float32, also of what lies in nested models.
    exact = ssl_voc.backbone("ConvNeXtTiny", image_size=32)
    exact.set_weights(model.get_weights())
    np.testing.assert_allclose(fingerprint(model), fingerprint(exact), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"drop_connect": 0.2}, "--drop-connect.*tiny.keras"),
        ({"weights": "imagenet"}, "keras.applications backbones only"),
    ],
)
def test_what_a_file_does_not_have_is_refused(tmp_path, arguments, complaint):
    path = tiny.save_backbone(tmp_path / "tiny.keras")
    with pytest.raises(ValueError, match=complaint):
        ssl_voc.backbone(path, 32, **arguments)


@pytest.mark.parametrize(
    ("name", "similar"),
    [
        ("ConvNextTiny", "ConvNeXtTiny"),
        ("keras_cv:ResNet18V2", "keras_cv:ResNet18V2Backbone"),
        ("efficientnetb3", "EfficientNetB3"),
    ],
)
def test_unknown_name_is_one_line_with_similar_ones(name, similar):
    with pytest.raises(ValueError, match="Unknown backbone") as error:
        ssl_voc.backbone(name)
    assert f"Did you mean {similar}" in str(error.value)
    assert "\n" not in str(error.value)


def test_names_belong_to_one_family_and_exist():
    names = [name for family in FAMILIES for name in family.names]
    assert len(names) == len(set(names))
    for name in names:
        assert name in family_of(name).names
        if not name.startswith(KERAS_CV):
            assert callable(getattr(keras.applications, name))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameters"),
    # As KerasCV's own presets say.
    [
        ("ResNet34Backbone", 21_301_696),
        ("ResNet50Backbone", 23_561_152),
        ("CSPDarkNetSBackbone", 4_223_488),
        ("DenseNet121Backbone", 7_037_504),
    ],
)
def test_keras_cv_sizes_are_keras_cvs(name, parameters):
    assert ssl_voc.backbone(f"{KERAS_CV}{name}", 32).count_params() == parameters
