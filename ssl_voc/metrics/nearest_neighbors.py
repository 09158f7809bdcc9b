"""Weighted nearest-neighbor classifier on frozen features."""

import numpy as np

from ssl_voc.similarity import unit_vectors


def knn_hits(
    bank_features,
    bank_labels,
    query_features,
    query_labels,
    num_neighbors=20,
    temperature=0.07,
):
    """Which queries cosine nearest neighbors tell right, votes weighted by similarity.

    A probe that trains nothing: each query takes the label with the largest sum of
    `exp(cosine / temperature)` over its nearest neighbors in the bank.

    Args:
        bank_features: Float array `(num_bank, dimensions)`.
        bank_labels: Integer array `(num_bank,)`, from 0.
        query_features: Float array `(num_queries, dimensions)`.
        query_labels: Integer array `(num_queries,)`.
        num_neighbors: Number of neighbors that vote; at most `num_bank` are used.
        temperature: Positive number; small ones trust the nearest most.

    Returns:
        Bool array `(num_queries,)`.

    Raises:
        ValueError: when bank or queries are empty or shapes do not fit.

    Reference:
        - [Wu et al., 2018](https://arxiv.org/abs/1805.01978), section 3.4; k of 20
          as in [Caron et al., 2021](https://arxiv.org/abs/2104.14294)
    """
    bank, queries = (
        unit_vectors(np.asarray(features, "float32"))
        for features in (bank_features, query_features)
    )
    bank_labels, query_labels = np.asarray(bank_labels), np.asarray(query_labels)
    if len(bank) != len(bank_labels) or len(queries) != len(query_labels):
        raise ValueError(
            "Every feature needs one label. Received: "
            f"{len(bank)} bank features with {len(bank_labels)} labels, "
            f"{len(queries)} query features with {len(query_labels)} labels"
        )
    if not len(bank) or not len(queries):
        raise ValueError(
            "Bank and queries must each hold at least one image. Received: "
            f"{len(bank)} in the bank, {len(queries)} queries"
        )
    num_neighbors = min(num_neighbors, len(bank))
    num_classes = int(max(bank_labels.max(), query_labels.max())) + 1
    hits = []
    for start in range(0, len(queries), 1024):  # bounds the similarity matrix
        cosines = queries[start : start + 1024] @ bank.T
        nearest = np.argpartition(-cosines, num_neighbors - 1, axis=1)
        nearest = nearest[:, :num_neighbors]
        near = np.take_along_axis(cosines, nearest, axis=1)
        # Shifting by the largest cosine changes no ranking and cannot overflow.
        votes = np.exp((near - near.max(axis=1, keepdims=True)) / temperature)
        totals = np.zeros((len(cosines), num_classes))
        rows = np.arange(len(cosines))[:, None]
        np.add.at(totals, (rows, bank_labels[nearest]), votes)
        hits.append(totals.argmax(axis=1) == query_labels[start : start + 1024])
    return np.concatenate(hits)
