"""Replicas of a training: what they gather, draw and hold together."""

import contextlib

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
        tensor: Tensor `(batch, ...)`; the shares of a batch that does not divide by
            the replicas may differ by replica.

    Returns:
        Tuple `(gathered, offset)`: the tensor `(global_batch, ...)`, through which
        gradients flow, and the index in it of this replica's first row.
    """
    context = _replica_context()
    if context is None:
        return tensor, 0
    sizes = _gather_sizes(context, tensor)
    offset = ops.sum(sizes[: context.replica_id_in_sync_group])
    gathered = context.all_gather(tensor, axis=0)
    gathered.set_shape([None, *tensor.shape[1:]])  # which gathering forgets
    return gathered, offset


def count_in_global_batch(tensor):
    """Number of rows that the shares of all replicas have together.

    Args:
        tensor: Tensor `(batch, ...)` of this replica.

    Returns:
        Integer, or integer tensor.
    """
    context = _replica_context()
    if context is None:
        return ops.shape(tensor)[0]
    return ops.sum(_gather_sizes(context, tensor))


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
    context = _replica_context()
    if context is None:
        return draw(shape)
    # Image by image, not replica by replica: a generator's numbers come in one row, in
    # which no two replicas' places meet even if one of them has an image more.
    drawn = draw((shape[0], context.num_replicas_in_sync, *shape[1:]))
    return ops.take(drawn, context.replica_id_in_sync_group, axis=1)


def count_replicas():
    """Number of replicas that share the current train step, at least 1."""
    context = _replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def on_all_devices(model):
    """Context in which variables beside those of a model belong on all its devices.

    Args:
        model: Keras model.
    """
    strategy = getattr(model, "distribute_strategy", None)
    return strategy.scope() if strategy else contextlib.nullcontext()


def _replica_context():
    """TensorFlow's context of one replica among several, or None."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return None
    return context


def _gather_sizes(context, tensor):
    """Int32 tensor `(replicas,)` of the lengths of the replicas' shares."""
    return context.all_gather(ops.shape(tensor)[0] * ops.ones(1, "int32"), axis=0)
