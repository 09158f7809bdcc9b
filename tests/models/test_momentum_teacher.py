"""`MomentumTeacher`: moving averages by the loops, no gradient, checkpoints."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.callbacks import Checkpoint, restore
from ssl_voc.layers import ProjectionHead
from ssl_voc.models import MomentumTeacher
from tests import tiny
from tests.dtype_policies import dtype_policy

RATE, MOMENTUM = 0.5, 0.9


@keras.saving.register_keras_serializable(package="tests")
class Follower(keras.Model):
    """A student that is drawn to its teacher on other pixels, so that both move."""

    def __init__(self, network, **kwargs):
        super().__init__(**kwargs)
        self.network = network
        self.teacher = MomentumTeacher(network, MOMENTUM)

    def call(self, images, training=None):
        return self.network(images, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=1):
        if training:
            self.teacher.update(self.network)
        targets = self.teacher(255.0 - x, training=training)
        return ops.mean(ops.square(y_pred - targets - 1.0))

    def get_config(self):
        return {"network": keras.saving.serialize_keras_object(self.network)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["network"]))


def build_follower(build=tiny.build_backbone, **compiled):
    keras.utils.set_random_seed(0)
    model = Follower(build(16))
    compiled.setdefault("run_eagerly", True)  # quick for a few steps
    model.compile(keras.optimizers.SGD(RATE), **compiled)
    return model


def photos(count=12):
    return tiny.draw_photos(count, size=16).astype("float32")


def values_of(network):
    return [np.array(weight, "float64") for weight in network.get_weights()]


@pytest.mark.parametrize("steps_per_execution", [1, 3])
def test_weights_after_steps_of_fit_are_those_of_the_loops(steps_per_execution):
    model = build_follower(steps_per_execution=steps_per_execution, run_eagerly=False)
    start = values_of(model.network)
    # The students before the second and the third step, by shorter runs.
    students = [start]
    for steps in (1, 2):
        shorter = build_follower()
        shorter.fit(photos(4 * steps), batch_size=4, shuffle=False, verbose=0)
        students.append(values_of(shorter.network))
    model.fit(photos(), batch_size=4, shuffle=False, verbose=0)
    num_compared = 0
    for index, weight in enumerate(model.teacher.network.weights):
        average = start[index]
        for student in students:
            average = MOMENTUM * average + (1 - MOMENTUM) * student[index]
        # Statistics move in the teacher's own passes as well.
        if "moving" not in weight.path:
            np.testing.assert_allclose(weight, average, rtol=1e-5, atol=1e-6)
            assert np.abs(average - start[index]).max() > 1e-4
            num_compared += 1
    assert num_compared == 6  # two kernels, scales and offsets


def test_statistics_are_averaged_like_weights():
    network = tiny.build_backbone(16)
    teacher = MomentumTeacher(network, 0.75)
    before = values_of(network)
    tiny.randomize(network)
    tiny.settle_statistics(network)
    teacher.update(network)
    for own, old, new in zip(
        values_of(teacher.network), before, values_of(network), strict=True
    ):
        np.testing.assert_allclose(own, 0.75 * old + 0.25 * new, rtol=1e-5, atol=1e-6)


def test_neither_gradient_nor_decay_reaches_the_teacher():
    model = build_follower()
    model.build((None, 16, 16, 3))
    trainable = {id(variable) for variable in model.trainable_variables}
    assert trainable == {id(v) for v in model.network.trainable_variables}
    # Momentum 1: whatever moves the weights now is no update.
    model.teacher.anneal(1.0)
    decayed = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    model.compile(decayed, run_eagerly=True)
    before = values_of(model.teacher.network)
    model.fit(photos(), batch_size=4, verbose=0)
    for weight, old in zip(model.teacher.network.weights, before, strict=True):
        if "moving" not in weight.path:
            np.testing.assert_array_equal(weight, old)


def test_teacher_of_an_unmoved_student_stays_to_the_bit():
    network = tiny.build_backbone(16)
    tiny.randomize(network)
    teacher = MomentumTeacher(network, 0.3)
    for _ in range(3):
        teacher.update(network)
    for own, other in zip(values_of(teacher.network), values_of(network), strict=True):
        np.testing.assert_array_equal(own, other)


def test_teacher_in_training_uses_the_statistics_of_the_batch():
    network = tiny.build_backbone(16)
    tiny.randomize(network)
    teacher = MomentumTeacher(network)
    np.testing.assert_allclose(
        teacher(photos(), training=True), network(photos(), training=True), rtol=1e-5
    )
    inference = ops.convert_to_numpy(teacher(photos(), training=False))
    assert np.abs(inference - ops.convert_to_numpy(network(photos()))).max() < 1e-4
    assert np.abs(inference - teacher(photos(), training=True)).max() > 0.1


@pytest.mark.parametrize(
    ("method", "momentum", "course"),
    [
        # 1 - 0.1 (1 + cos(pi share)) / 2
        (
            "anneal",
            0.9,
            {0.0: 0.9, 0.25: 1 - 0.05 * (1 + np.sqrt(0.5)), 0.5: 0.95, 1.0: 1.0},
        ),
        # At most (1 + steps) / (10 + steps)
        ("warm_up", 0.99, {0: 1 / 10, 10: 11 / 20, 90: 91 / 100, 10_000: 0.99}),
    ],
)
def test_momentum_follows_its_course(method, momentum, course):
    teacher = MomentumTeacher(tiny.build_backbone(16), momentum)
    for done, expected in course.items():
        getattr(teacher, method)(done)
        assert float(teacher.current_momentum) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_does_not_round_the_average(policy):
    with dtype_policy(policy):
        model = build_follower(tiny.build_plain_backbone)
        start = values_of(model.network)
        model.fit(photos(4), batch_size=4, verbose=0)
        # Changes that half precision has no room for beside a weight.
        model.network.set_weights([value + 1e-4 for value in start])
        model.optimizer.learning_rate = 0.0
        model.fit(photos(4), batch_size=4, verbose=0)
    for own, old in zip(values_of(model.teacher.network), start, strict=True):
        np.testing.assert_allclose(own - old, 1e-5, rtol=0.02)


def test_checkpoints_and_files_hold_the_teacher(tmp_path):
    model = build_follower()
    model.fit(photos(), batch_size=4, epochs=2, verbose=0)
    model.teacher.anneal(0.5)
    checkpoint = Checkpoint(tmp_path)
    checkpoint.set_model(model)
    checkpoint.on_epoch_end(1)
    model.save(tmp_path / "model.keras")
    restored = build_follower()
    restored.fit(photos(4), batch_size=4, verbose=0)
    restore(restored, tmp_path)
    for other in (restored, keras.models.load_model(tmp_path / "model.keras")):
        for own, found in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(own, found)
        assert float(other.teacher.current_momentum) == pytest.approx(0.95)
        assert len(other.trainable_variables) == len(model.trainable_variables)


def test_layer_of_any_kind_is_copied_with_its_weights():
    head = ProjectionHead(6, 4)
    with pytest.raises(ValueError, match="`network` must be built.*ProjectionHead"):
        MomentumTeacher(head)
    head.build((None, 5))
    teacher = MomentumTeacher(head)
    again = MomentumTeacher.from_config(teacher.get_config())
    again.set_weights(teacher.get_weights())
    features = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    for copy in (teacher, again):
        np.testing.assert_array_equal(copy(features), head(features))
    localizer = tiny.build_localizer()
    copy = MomentumTeacher(localizer)
    images = tiny.labeled_batch(2)["images"]
    for name, values in localizer(images).items():
        np.testing.assert_array_equal(copy(images)[name], values)


def test_momentum_that_is_no_share_is_refused():
    with pytest.raises(ValueError, match="`momentum`.*1.2"):
        MomentumTeacher(tiny.build_backbone(16), 1.2)


def test_the_teacher_drops_nothing():
    inputs = keras.Input((8,))
    student = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    ones = np.ones((4, 8), "float32")
    assert (ops.convert_to_numpy(student(ones, training=True)) == 0).any()
    np.testing.assert_array_equal(MomentumTeacher(student)(ones, training=True), ones)
