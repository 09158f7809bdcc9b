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
