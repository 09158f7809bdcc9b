import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import LocalizationHead


def silu(x):
    return x / (1 + np.exp(-x))


def softmax(x):
    x = np.exp(x - x.max())
    return x / x.sum()


def weights(layer):
    return [ops.convert_to_numpy(weight).astype("float64") for weight in layer.weights]


def dense(layer, x):
    kernel, bias = weights(layer)
    return x @ kernel + bias


def norm(layer, x):
    gamma, beta = weights(layer)
    spread = np.sqrt(x.var(axis=-1, keepdims=True) + layer.epsilon)
    return (x - x.mean(axis=-1, keepdims=True)) / spread * gamma + beta


def convolve(layer, x):
    """3 x 3 cells around each, those outside being 0."""
    kernel, bias = weights(layer)
    rows, columns, _ = x.shape
    result = np.zeros((rows, columns, kernel.shape[-1])) + bias
    for row, column, i, j in np.ndindex(rows, columns, 3, 3):
        from_row, from_column = row + i - 1, column + j - 1
        if 0 <= from_row < rows and 0 <= from_column < columns:
            result[row, column] += x[from_row, from_column] @ kernel[i, j]
    return result


def mix(head, levels):
    """One image's levels as one map."""
    mixed = None
    for number in reversed(range(len(levels))):
        level = dense(
            head.laterals[number], norm(head.lateral_norms[number], levels[number])
        )
        if mixed is not None:
            rows, columns = level.shape[:2]
            for row, column in np.ndindex(rows, columns):
                above = row * mixed.shape[0] // rows, column * mixed.shape[1] // columns
                level[row, column] += mixed[above]
        mixed = level
    mixed = silu(mixed)
    for layer, layer_norm in zip(head.convolutions, head.norms, strict=True):
        mixed = silu(norm(layer_norm, convolve(layer, mixed)))
    return mixed


def predict(head, levels):
    """Box, logits and attention logits of one image."""
    mixed = mix(head, levels)
    rows, columns = mixed.shape[:2]
    attention_logits = dense(head.weighing, mixed)[..., 0]
    attention = softmax(attention_logits)
    box, attended = np.zeros(4), np.zeros(head.channels)
    for row, column in np.ndindex(rows, columns):
        x, y = (column + 0.5) / columns, (row + 0.5) / rows
        # Distances to the left, top, right and bottom side, told in cells.
        raw = dense(head.votes, mixed[row, column])
        reach = np.array([*head.first_reach] * 2) * np.log1p((np.e - 1) * np.exp(raw))
        left, top, right, bottom = reach / [columns, rows, columns, rows]
        vote = np.array([x - left, y - top, x + right, y + bottom])
        box += attention[row, column] * vote
        attended += attention[row, column] * mixed[row, column]
    pooled = norm(head.pooled_norm, levels[-1].mean(axis=(0, 1)))
    logits = dense(head.classifier, np.concatenate([pooled, attended]))
    return box, logits, attention_logits


def draw_maps(*shapes, batch_size=2, seed=0):
    random = np.random.default_rng(seed)
    return [random.normal(size=(batch_size, *s)).astype("float32") for s in shapes]


def build_head(maps, **arguments):
    """A head whose weights are of a size that no initializer gives."""
    keras.utils.set_random_seed(0)
    head = LocalizationHead(3, **{"channels": 6, **arguments})
    head(maps)
    random = np.random.default_rng(1)
    for weight in head.weights:
        # Dropout's seed is no number to change.
        if weight.dtype == "float32":
            change = random.normal(0.0, 0.4, tuple(weight.shape))
            weight.assign(ops.convert_to_numpy(weight) + change)
    return head


def assert_as_loops(head, maps):
    outputs = {name: ops.convert_to_numpy(v) for name, v in head(maps).items()}
    for row in range(len(maps[0])):
        levels = [level[row].astype("float64") for level in maps]
        box, logits, attention_logits = predict(head, levels)
        np.testing.assert_allclose(outputs["boxes"][row], box, atol=1e-4)
        np.testing.assert_allclose(outputs["logits"][row], logits, atol=1e-3)
        found = outputs["attention_logits"][row]
        np.testing.assert_allclose(found, attention_logits, atol=1e-3)


@pytest.mark.parametrize(
    "shapes",
    [
        [(4, 4, 5), (2, 2, 7)],
        # What convolutions without padding, or 100 px, leave.
        [(7, 5, 5), (3, 3, 7)],
        [(3, 4, 7)],
        [(8, 8, 4), (4, 4, 5), (2, 2, 7)],
    ],
)
def test_outputs_are_those_of_the_loops(shapes):
    maps = draw_maps(*shapes)
    assert_as_loops(build_head(maps), maps)


@pytest.mark.parametrize("num_layers", [0, 1])
def test_number_of_layers_is_that_of_the_loops(num_layers):
    maps = draw_maps((4, 4, 5), (2, 2, 7))
    head = build_head(maps, num_layers=num_layers)
    assert len(head.convolutions) == num_layers
    assert_as_loops(head, maps)


def test_weights_fit_maps_of_another_size():
    head = build_head(draw_maps((4, 4, 5), (2, 2, 7)))
    assert head.first_reach == pytest.approx((0.3 * 4, 0.3 * 4))
    count = len(head.weights)
    assert_as_loops(head, draw_maps((9, 6, 5), (5, 3, 7), seed=2))
    assert len(head.weights) == count


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (3, 5)])
def test_an_untrained_head_votes_for_the_middle_of_the_image(rows, columns):
    maps = draw_maps((rows, columns, 8), batch_size=3)
    head = LocalizationHead(2)
    outputs = head(maps)
    # All cells count alike and reach 0.3 to each side: 0.5 - 0.3 to 0.5 + 0.3.
    np.testing.assert_allclose(outputs["boxes"], [[0.2, 0.2, 0.8, 0.8]] * 3, atol=0.1)
    for layer in (head.votes, head.weighing):
        layer.kernel.assign(ops.zeros_like(layer.kernel))
    boxes = head(maps)["boxes"]
    np.testing.assert_allclose(boxes, [[0.2, 0.2, 0.8, 0.8]] * 3, atol=1e-6)


def test_box_lies_around_the_cell_that_is_looked_at():
    maps = draw_maps((4, 4, 5))
    head = build_head(maps)
    # Only the kernel of `weighing` decides now: make it as sharp as can be.
    head.weighing.kernel.assign(1000.0 * head.weighing.kernel)
    head.votes.kernel.assign(ops.zeros_like(head.votes.kernel))
    head.votes.bias.assign(np.zeros(4))
    outputs = head(maps)
    for box, logits in zip(outputs["boxes"], outputs["attention_logits"], strict=True):
        row, column = np.unravel_index(np.argmax(logits), (4, 4))
        x, y = (column + 0.5) / 4, (row + 0.5) / 4
        np.testing.assert_allclose(box, [x - 0.3, y - 0.3, x + 0.3, y + 0.3], atol=1e-4)


def test_dropout_works_on_scores_while_training_alone():
    maps = draw_maps((4, 4, 5), (2, 2, 7))
    head = build_head(maps, dropout=0.5)
    still = head(maps)
    moved = head(maps, training=True)
    np.testing.assert_array_equal(moved["boxes"], still["boxes"])
    assert not np.allclose(moved["logits"], still["logits"])
    np.testing.assert_array_equal(head(maps)["logits"], still["logits"])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_outputs_are_float32_under_mixed_precision(policy):
    maps = draw_maps((4, 4, 5), (2, 2, 7))
    head, exact = build_head(maps, dtype=policy), build_head(maps)
    narrow = [ops.cast(level, policy.removeprefix("mixed_")) for level in maps]
    outputs = head(narrow)
    assert head.convolutions[0].compute_dtype == policy.removeprefix("mixed_")
    for name, values in exact(maps).items():
        assert keras.backend.standardize_dtype(outputs[name].dtype) == "float32"
        np.testing.assert_allclose(outputs[name], values, atol=0.3, err_msg=name)


def test_head_made_from_its_config_computes_the_same():
    maps = draw_maps((4, 4, 5), (2, 2, 7))
    arguments = {"channels": 4, "num_layers": 3, "dropout": 0.4, "name": "finder"}
    head = build_head(maps, **arguments, dtype=keras.DTypePolicy("mixed_bfloat16"))
    again = LocalizationHead.from_config(head.get_config())
    again(maps)
    assert (again.name, again.dropout, again.num_layers) == ("finder", 0.4, 3)
    assert again.compute_dtype == "bfloat16"
    again.set_weights(head.get_weights())
    for name, values in head(maps).items():
        np.testing.assert_array_equal(again(maps)[name], values)


def test_a_head_of_before_reaches_the_share_of_its_own_map_that_it_did():
    maps = draw_maps((7, 5, 5), (3, 3, 7))
    head = build_head(maps)
    config = head.get_config()
    # Of a file that does not tell it: 0.3 of the map that it is built for.
    assert config.pop("first_reach") == pytest.approx((0.3 * 5, 0.3 * 7))
    again = LocalizationHead.from_config(config)
    again(maps)
    again.set_weights(head.get_weights())
    np.testing.assert_array_equal(again(maps)["boxes"], head(maps)["boxes"])
