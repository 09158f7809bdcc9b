"""Sanity check of heat maps by cascading randomization of the weights."""

import keras
import numpy as np

from ssl_voc.heat_maps.map_measures import rank_correlation
from ssl_voc.models.cloning import normalization_layers, set_weights

NUM_STAGES = 4  # of the backbone, or of a model without one; the head is one more


def randomization_stages(model):
    """Groups a model's weights from the output down to the input.

    Args:
        model: Built Keras model, with or without a `backbone`.

    Returns:
        List of `(name, indices)`: what is randomized at each stage, beside all before,
        and indices into `model.weights`. Statistics of pixels, which nothing learned,
        are in none; a stage without weights is left out.
    """
    index_of = {id(weight): index for index, weight in enumerate(model.weights)}

    def indices_of(*layers):
        return {index_of[id(weight)] for layer in layers for weight in layer.weights}

    backbone = getattr(model, "backbone", model)
    fixed = indices_of(*normalization_layers(model))
    parts = [(layer.name, indices_of(layer) - fixed) for layer in backbone.layers]
    parts = [(name, indices) for name, indices in parts if indices]
    others = {*index_of.values()} - indices_of(*backbone.layers) - fixed
    head = [i for i in others if model.weights[i].dtype.startswith("f")]
    stages = [("head", head)] if backbone is not model else []
    cuts = np.array_split(np.arange(len(parts)), min(NUM_STAGES, max(1, len(parts))))
    for cut in reversed(cuts):
        if len(cut):
            indices = set.union(*(parts[place][1] for place in cut))
            stages.append((f"down to {parts[cut[0]][0]}", indices))
    return [(name, sorted(indices)) for name, indices in stages if indices]


def randomized_correlations(model, make_maps, seed=0, shares=(1.0, 1.0)):
    """How alike maps stay while weights are lost, from the output down to the input.

    The model itself is left alone: a copy begins with its weights and gets, stage by
    stage, those of a model that never learned (cascading randomization).

    Args:
        model: Built Keras model that can be made from its config.
        make_maps: Function from a model to maps `(num_images, rows, columns)`.
        seed: Seed of the weights, by `keras.utils.set_random_seed`, which the draws of
            the caller follow from then on.
        shares: `(2,)` or `(num_images, 2)`: shares of the rows and columns, from the
            first on, that show the image and are compared; the rest is its padding.

    Returns:
        `(names, correlations, others)`: names of the stages; Spearman's correlation of
        each image's map with the one of the learned model, `(num_stages, num_images)`;
        and, `(num_images,)`, that of the learned model's map with its map of the next
        image, which is what a map that ignores the image would reach. nan where there
        is nothing to lose: the learned map is the same everywhere, or no other image.

    Reference:
        - [Adebayo et al., 2018](https://arxiv.org/abs/1810.03292)
    """
    original = make_maps(model)
    shown = _shown_cells(original.shape, shares)
    pairs = zip(original, shown, strict=True)
    says_nothing = np.array([np.ptp(values[cells]) == 0 for values, cells in pairs])
    in_both = shown & np.roll(shown, 1, 0)
    others = _correlations(original, np.roll(original, 1, 0), in_both)
    others[says_nothing | (len(original) == 1)] = np.nan
    stages = randomization_stages(model)
    backbone = getattr(model, "backbone", model)
    keras.utils.set_random_seed(seed)
    copy = model.__class__.from_config(model.get_config())
    if not copy.built or len(copy.weights) != len(model.weights):
        copy(np.zeros((1, *backbone.input_shape[1:]), "float32"))
    fresh = copy.get_weights()
    set_weights(copy, model.get_weights())
    correlations = []
    for _, indices in stages:
        for index in indices:
            copy.weights[index].assign(fresh[index])
        correlations.append(_correlations(original, make_maps(copy), shown))
        correlations[-1][says_nothing] = np.nan
    names = [name for name, _ in stages]
    return names, np.array(correlations).reshape(len(names), -1), others


def _shown_cells(shape, shares):
    """The cells of maps that show their images, one at least, bool of that shape."""
    num_images, rows, columns = shape
    counts = np.broadcast_to(shares, (num_images, 2)) * (rows, columns)
    counts = np.maximum(1, np.rint(counts))
    in_rows = np.arange(rows) < counts[:, :1]
    in_columns = np.arange(columns) < counts[:, 1:]
    return in_rows[:, :, None] & in_columns[:, None]


def _correlations(maps_a, maps_b, cells):
    triples = zip(maps_a, maps_b, cells, strict=True)
    return np.array([rank_correlation(a[shown], b[shown]) for a, b, shown in triples])
