import keras
import numpy as np

from ssl_voc.callbacks import EvaluatedWeights
from ssl_voc.optimizers import DiscriminativeAdamW
from tests import tiny


def build(average_decay=0.9):
    """A compiled classifier with batch norm, of two classes."""
    keras.utils.set_random_seed(0)
    backbone = tiny.build_backbone(16, channels=4)
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
    model = keras.Model(backbone.input, keras.layers.Dense(2, name="head")(pooled))
    optimizer = DiscriminativeAdamW(0.05, average_decay=average_decay)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, run_eagerly=True)
    return model


def data():
    return tiny.draw_photos(12, size=16), np.arange(12) % 2


class Recorder(keras.callbacks.Callback):
    """The weights that a callback at its place, and validation, find."""

    def __init__(self):
        super().__init__()
        self.at_test, self.at_end = [], []

    def on_test_batch_begin(self, batch, logs=None):
        self.at_test.append(self.model.get_weights())

    def on_epoch_end(self, epoch, logs=None):
        self.at_end.append(self.model.get_weights())


def train(model, epochs=2, validated=True, averaged=True):
    images, labels = data()
    evaluated = EvaluatedWeights([images[:4], images[4:8]], averaged)
    evaluated.set_model(model)
    lent, trained = Recorder(), Recorder()
    back = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: evaluated.put_back()
    )
    model.fit(
        images,
        labels,
        batch_size=4,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        validation_data=(images, labels) if validated else None,
        callbacks=[evaluated, lent, back, trained],
    )
    return lent, trained


def averages_of(model):
    return {variable.path: average for variable, average in model.optimizer.averages()}


def test_validation_and_followers_see_averages_and_training_goes_on_from_its_own():
    model, plain = build(), build(average_decay=None)
    images, labels = data()
    plain.fit(images, labels, batch_size=4, epochs=2, shuffle=False, verbose=0)
    lent, trained = train(model)
    for found, expected in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    averages = averages_of(model)
    places = [w.path for w in model.weights]
    for seen in (lent.at_end[-1], lent.at_test[-1]):
        for path, value in zip(places, seen, strict=True):
            if path in averages:
                np.testing.assert_array_equal(value, averages[path])
    kernel = places.index("head/kernel")
    assert np.abs(lent.at_end[-1][kernel] - trained.at_end[-1][kernel]).max() > 1e-3


def test_without_validation_the_epoch_ends_with_averages_all_the_same():
    model = build()
    lent, trained = train(model, validated=False)
    kernel = [w.path for w in model.weights].index("head/kernel")
    np.testing.assert_array_equal(
        lent.at_end[-1][kernel], averages_of(model)["head/kernel"]
    )
    for found, expected in zip(model.get_weights(), trained.at_end[-1], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_without_averaging_the_statistics_alone_are_others():
    model = build(average_decay=None)
    lent, trained = train(model, averaged=False)
    for weight, one, two in zip(
        model.weights, lent.at_end[-1], trained.at_end[-1], strict=True
    ):
        same = np.array_equal(one, two)
        assert same != ("moving" in weight.path), weight.path


def test_without_images_the_statistics_stay_those_of_training():
    model = build()
    model.fit(*data(), batch_size=4, shuffle=False, verbose=0)
    trained = model.get_weights()
    evaluated = EvaluatedWeights(None, averaged=True)
    evaluated.set_model(model)
    averages = averages_of(model)  # they lie behind the weights of now
    evaluated.lend()
    for weight, before in zip(model.weights, trained, strict=True):
        expected = averages.get(weight.path, before)
        np.testing.assert_array_equal(weight, expected)
    assert any("moving" in w.path and w.path not in averages for w in model.weights)


def test_of_a_part_of_the_model_the_weights_of_that_part_alone_are_lent():
    part = build()
    evaluated = EvaluatedWeights([data()[0][:4]], averaged=False, network=part)
    evaluated.set_model(None)  # it has no weights to be asked for
    before = part.get_weights()
    evaluated.lend()
    assert any(
        np.abs(one - two).max() > 0
        for one, two in zip(before, part.get_weights(), strict=True)
    )
    evaluated.put_back()
    for one, two in zip(before, part.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
