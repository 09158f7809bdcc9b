import keras
import numpy as np
import pytest

from ssl_voc.optimizers import LARS
from tests import reference

ARGUMENTS = {"momentum": 0.8, "weight_decay": 0.05, "trust_coefficient": 0.02}


def draw_variables(seed=0):
    """A kernel, a kernel of zeros, a bias and a scale, with gradients for 4 steps."""
    random = np.random.default_rng(seed)
    shapes = [(3, 4), (2, 2, 3), (5,), (3, 1)]
    values = [random.normal(size=shape) for shape in shapes]
    values[1][:] = 0.0
    gradients = [[random.normal(size=shape) for shape in shapes] for _ in range(4)]
    gradients[2][0][:] = 0.0  # a kernel without gradient, for one step
    return [value.astype("float32") for value in values], gradients


def apply_steps(optimizer, values, gradients):
    variables = [keras.Variable(value) for value in values]
    for step in gradients:
        step = [keras.ops.convert_to_tensor(g.astype("float32")) for g in step]
        optimizer.apply(step, variables)
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def test_steps_are_those_of_the_loops():
    values, gradients = draw_variables()
    results = apply_steps(LARS(0.7, **ARGUMENTS), values, gradients)
    for i, weights in enumerate(values):
        velocity = np.zeros_like(weights)
        for step in gradients:
            weights, velocity = reference.lars_step(
                weights, velocity, step[i], 0.7, 0.8, 0.05, 0.02
            )
        np.testing.assert_allclose(results[i], weights, rtol=1e-5, atol=1e-6)


def test_first_step_of_a_kernel_is_the_trust_coefficient_of_its_norm():
    # |weights| is 5, so whatever the gradient's length, the step is 0.1 * 0.02 * 5.
    weights = np.array([[3.0, 4.0]], "float32")
    for length in (1e-3, 1e3):
        (moved,) = apply_steps(
            LARS(0.1, trust_coefficient=0.02, weight_decay=0.0),
            [weights],
            [[length * np.array([[1.0, 0.0]])]],
        )
        np.testing.assert_allclose(moved, [[3.0 - 0.01, 4.0]], rtol=1e-6)


def test_vectors_take_plain_steps_without_decay():
    weights = np.array([3.0, 4.0], "float32")
    (moved,) = apply_steps(
        LARS(0.1, weight_decay=0.5), [weights], [[np.array([1.0, -2.0])]]
    )
    np.testing.assert_allclose(moved, [3.0 - 0.1, 4.0 + 0.2], rtol=1e-6)


def test_learning_rate_follows_a_schedule():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.5, 0.0])
    values, gradients = draw_variables()
    optimizer = LARS(schedule, momentum=0.0, weight_decay=0.0)
    early = apply_steps(optimizer, values, gradients[:1])
    # Steps 0 and 1 have a rate of 0.5, later ones none.
    values, gradients = draw_variables()
    late = apply_steps(
        LARS(schedule, momentum=0.0, weight_decay=0.0), values, gradients
    )
    two = apply_steps(LARS(0.5, momentum=0.0, weight_decay=0.0), values, gradients[:2])
    for result, expected, first in zip(late, two, early, strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-6)
        assert result.shape != (3, 4) or not np.allclose(result, first)


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_momentum_must_lie_below_one(momentum):
    with pytest.raises(ValueError, match=r"`momentum` must lie in \[0, 1\)"):
        LARS(momentum=momentum)
