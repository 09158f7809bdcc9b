"""Layers are found by name, stride or place, in models within models."""

import keras
import pytest
from keras import layers

import ssl_voc
from ssl_voc.heat_maps.explained_layer import find_in_copy, find_layer
from tests import tiny


def test_the_last_map_of_the_backbone_is_the_default_and_others_are_named():
    model = tiny.build_localizer()
    assert find_layer(model) is model.backbone.layers[-1]
    head = model.head.convolutions[0]
    assert find_layer(model, head.name) is find_layer(model, head) is head
    # Of stride 2 is the first of two convolutions.
    assert find_layer(model, 2) is model.backbone.layers[-2]


def test_a_layer_with_a_number_of_its_own_in_a_copy_is_found_by_its_place():
    model = tiny.build_localizer()
    copy = model.__class__.from_config(model.get_config())
    copy.build()
    head, ours = model.head.convolutions[0], copy.head.convolutions[0]
    assert head.name != ours.name
    assert find_in_copy(model, head.name, copy) is ours
    assert find_in_copy(model, 2, copy) is find_layer(copy, 2)
    assert find_in_copy(model, None, copy) is copy.backbone.layers[-1]


def test_a_nested_backbone_is_looked_into():
    backbone = tiny.build_backbone(32)
    inputs = keras.Input((32, 32, 3))
    outer = keras.Sequential([keras.Input((32, 32, 3)), backbone])
    x = layers.GlobalAveragePooling2D(keepdims=True)(outer(inputs))
    # One cell shows no place.
    x = layers.Flatten()(layers.Conv2D(3, 1)(x))
    model = keras.Model(inputs, x)
    assert find_layer(model) is backbone.get_layer("relu_1")
    assert find_layer(model, "conv_0") is backbone.get_layer("conv_0")
    photos = tiny.draw_photos(2, size=32)
    maps = ssl_voc.grad_cam(model, photos, 1, layer="conv_0", upsample=False)
    assert maps.shape == (2, 15, 15)
    assert ssl_voc.grad_cam(model, photos, 1, upsample=False).shape == (2, 7, 7)


def test_the_backbone_goes_before_others_whose_layers_bear_the_same_name():
    model = keras.Model()
    model.head = layers.Conv2D(3, 1, name="conv_0")
    model.backbone = tiny.build_backbone(32)
    assert find_layer(model, "conv_0") is model.backbone.get_layer("conv_0")


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        ("conv_9", "'conv_9'.*relu_1"),
        (3, "stride 3"),
        (0, "layer=0"),
        ("dense", "dense of shape"),
        ("shared", "shared, .* 2 times"),
        ("unused", "unused"),
    ],
)
def test_layers_and_models_that_give_no_map_are_refused(layer, names):
    inputs = keras.Input((32, 32, 3))
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    unused = layers.Conv2D(3, 1, name="unused")(inputs)
    features = tiny.build_backbone(32)(shared(shared(inputs)))
    pooled = layers.GlobalAveragePooling2D()(features)
    model = keras.Model(inputs, [layers.Dense(3, name="dense")(pooled), unused])
    model.backbone = next(part for part in model.layers if hasattr(part, "layers"))
    with pytest.raises(ValueError, match=names):
        ssl_voc.grad_cam(
            model, tiny.draw_photos(1, size=32), lambda outputs: outputs[0][:, 1], layer
        )
    flat = keras.Sequential([keras.Input((4,)), layers.Dense(3)], name="flat")
    with pytest.raises(ValueError, match="flat"):
        find_layer(flat)
