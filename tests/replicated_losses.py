"""Losses of pretraining that compare the photos of all replicas."""

from keras import ops

from ssl_voc import distributed, losses


class CellContrast:
    """Dense loss of projections that are taken for the only cell of their views."""

    name = "dense_contrast"

    def __call__(self, a, b):
        cells = a[:, None, :], b[:, None, :]
        matches = ops.ones((len(a), 1, 1))
        of_photos = losses.dense_contrast(*cells, matches, 0.2)
        return ops.mean(of_photos) / distributed.count_replicas()


REPLICATED_LOSSES = (
    losses.NTXentLoss(0.2),
    losses.DCLLoss(0.2, smoothing=0.1),
    losses.VICRegLoss(),
    CellContrast(),
)
