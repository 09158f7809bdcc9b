"""Gathering what every replica computed: contrastive losses want all negatives."""

import keras
from keras import ops


def gather_across_replicas(tensor):
    """Concatenates one replica's tensor with those of all other replicas.

    Under `tf.distribute.MirroredStrategy` a train step sees only its share of the
    global batch; a contrastive loss that stops there loses most of its negatives.
    The jax backend with `keras.distribution.DataParallel` traces the step over the
    global batch, so there is nothing to gather, and the torch backend trains on one
    device.

    Args:
        tensor: Tensor `(batch, ...)`, of equal shape on every replica.

    Returns:
        Tuple `(gathered, offset)`: the tensor `(replicas * batch, ...)`, through which
        gradients flow, and the index in it of this replica's first row.
    """
    if keras.backend.backend() == "tensorflow":
        return _gather_tensorflow(tensor)
    return tensor, 0


def _gather_tensorflow(tensor):
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return tensor, 0
    gathered = context.all_gather(tensor, axis=0)
    offset = context.replica_id_in_sync_group * ops.shape(tensor)[0]
    return gathered, offset


def draw_own_share(draw, shape):
    """Draws random numbers that differ from those of the other replicas.

    Under `tf.distribute.MirroredStrategy` the state of a seed generator is mirrored:
    all replicas would draw the same numbers, and give the images of one place in their
    batches the same crops. So each draws for all and keeps its own part.

    Args:
        draw: Function from a shape to a tensor, the same on every replica.
        shape: Tuple `(batch, ...)` of this replica's numbers.

    Returns:
        Tensor of `shape`.
    """
    if keras.backend.backend() != "tensorflow":
        return draw(shape)
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return draw(shape)
    drawn = draw((context.num_replicas_in_sync, *shape))
    return ops.take(drawn, context.replica_id_in_sync_group, axis=0)


def count_replicas():
    """Number of replicas that share the current train step, at least 1."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync
