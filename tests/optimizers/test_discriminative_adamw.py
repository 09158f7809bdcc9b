import contextlib

import keras
import numpy as np
import pytest

from ssl_voc.optimizers import DiscriminativeAdamW

SHAPES = {"backbone/kernel": (3, 4), "backbone/bias": (4,), "head/kernel": (4, 2)}


def draw(num_steps=4):
    """Values by path, and gradients of each step."""
    random = np.random.default_rng(0)
    values = {
        path: random.normal(size=shape).astype("float32")
        for path, shape in SHAPES.items()
    }
    gradients = [
        [random.normal(size=shape).astype("float32") for shape in SHAPES.values()]
        for _ in range(num_steps)
    ]
    return values, gradients


def variable_at(path, value=0.0):
    *scopes, name = path.split("/")
    with contextlib.ExitStack() as stack:
        for scope in scopes:
            stack.enter_context(keras.name_scope(scope))
        variable = keras.Variable(value, name=name)
    assert variable.path == path
    return variable


def apply_steps(optimizer, values, gradients):
    variables = [variable_at(path, value) for path, value in values.items()]
    for step in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in step], variables)
    return dict(zip(values, map(keras.ops.convert_to_numpy, variables), strict=True))


def test_without_factors_it_is_adamw():
    values, gradients = draw()
    stock = keras.optimizers.AdamW(0.01, weight_decay=0.1, beta_1=0.8)
    stock.exclude_from_weight_decay(var_names=["bias"])
    expected = apply_steps(stock, values, gradients)
    for factors in (None, {"": 1.0, "head": 1.0}):
        optimizer = DiscriminativeAdamW(0.01, factors, weight_decay=0.1, beta_1=0.8)
        moved = apply_steps(optimizer, values, gradients)
        for path in values:
            np.testing.assert_allclose(moved[path], expected[path], rtol=1e-5)


def test_a_tenth_of_the_rate_moves_and_decays_a_tenth():
    values, gradients = draw(num_steps=1)
    whole = apply_steps(DiscriminativeAdamW(0.01), values, gradients)
    tenth = apply_steps(DiscriminativeAdamW(0.01, {"head": 0.1}), values, gradients)
    for path, value in values.items():
        share = 0.1 if path == "head/kernel" else 1.0
        np.testing.assert_allclose(
            tenth[path] - value, share * (whole[path] - value), rtol=1e-3, atol=1e-7
        )


def test_kernels_decay_by_rate_and_factor_and_vectors_do_not():
    values, _ = draw()
    nothing = [[np.zeros(shape, "float32") for shape in SHAPES.values()]]
    optimizer = DiscriminativeAdamW(0.1, {"backbone": 0.5}, weight_decay=0.2)
    moved = apply_steps(optimizer, values, nothing)
    # 1 - 0.1 * 0.2 of the head, 1 - 0.1 * 0.5 * 0.2 of the backbone.
    for path, kept in zip(SHAPES, (0.99, 1.0, 0.98), strict=True):
        np.testing.assert_allclose(moved[path], kept * values[path], rtol=1e-6)


@pytest.mark.parametrize(
    ("path", "factor"),
    [
        ("backbone/block_1/kernel", 0.3),
        ("backbone/block_10/kernel", 0.1),
        ("localization_head/dense/kernel", 1.0),
        # A model that was built by hand puts its own name first.
        ("localizer/localization_head/dense/kernel", 1.0),
        ("localizer/backbone/stem/kernel", 0.2),
        ("other/kernel", 0.5),
        # In the middle of a name is no beginning.
        ("my_backbone/kernel", 0.5),
    ],
)
def test_longest_name_in_the_path_decides(path, factor):
    optimizer = DiscriminativeAdamW(
        factors={
            "": 0.5,
            "backbone": 0.2,
            "backbone/block_1": 0.3,
            "backbone/block_10": 0.1,
            "localization_head": 1.0,
        }
    )
    assert optimizer.factor_of(variable_at(path)) == factor


def test_weights_that_no_factor_names_keep_the_rate():
    optimizer = DiscriminativeAdamW(factors={"head": 0.1})
    assert optimizer.factor_of(variable_at("other")) == 1.0


def test_averages_follow_the_weights_by_a_decay_that_rises():
    values, gradients = draw(num_steps=30)
    variables = [variable_at(path, value) for path, value in values.items()]
    optimizer = DiscriminativeAdamW(0.05, weight_decay=0.1, average_decay=0.7)
    plain = DiscriminativeAdamW(0.05, weight_decay=0.1)
    trajectory = [variable_at(path, value) for path, value in values.items()]
    expected = [*values.values()]
    for step, given in enumerate(gradients):
        tensors = [keras.ops.convert_to_tensor(g) for g in given]
        optimizer.apply(tensors, variables)
        plain.apply(tensors, trajectory)
        decay = min(0.7, (1 + step) / (10 + step))
        expected = [
            decay * average + (1 - decay) * keras.ops.convert_to_numpy(weight)
            for average, weight in zip(expected, trajectory, strict=True)
        ]
    for (variable, average), wanted, own in zip(
        optimizer.averages(), expected, trajectory, strict=True
    ):
        np.testing.assert_allclose(average, wanted, rtol=1e-5, atol=1e-6)
        # The weights that train do not know of it.
        np.testing.assert_array_equal(variable, own)


def test_an_average_begins_with_the_weight_and_is_kept_in_the_config():
    optimizer = DiscriminativeAdamW(average_decay=0.9)
    variable = variable_at("head/kernel", np.ones((2, 2), "float32"))
    optimizer.build([variable])
    ((_, average),) = optimizer.averages()
    np.testing.assert_array_equal(average, variable)
    copy = DiscriminativeAdamW.from_config(optimizer.get_config())
    assert copy.average_decay == 0.9
    with pytest.raises(ValueError, match="average_decay=1.0"):
        DiscriminativeAdamW(average_decay=1.0)
