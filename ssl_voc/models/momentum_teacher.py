"""Teacher network whose weights are a moving average of a student's."""

import math

import keras
from keras import ops

from ssl_voc.models.cloning import copy_layer, nested_layers, set_weights
from ssl_voc.optimizers import schedule


@keras.saving.register_keras_serializable(package="ssl_voc")
class MomentumTeacher(keras.layers.Layer):
    """A copy of a network that follows it: the moving average of its weights.

    All weights are averaged, the statistics of batch norms among them. Called in
    inference mode the teacher is the averaged network; called with `training=True` its
    batch norms use the statistics of the batch, as BYOL's do. It never drops features
    or branches. No gradient reaches its weights and no optimizer sees them; checkpoints
    hold them.

    The model that owns the teacher calls `update(student)` in its `compute_loss` while
    training. That is after the optimizer's last step, as in the papers, under every
    backend and with any `steps_per_execution`, and outside of the scope in which mixed
    precision rounds weights. A teacher that is asked before it, in `call`, is one
    update behind, as any is when training is over.

    Args:
        network: What to copy: a functional or sequential model, or another built layer
            or model that its config makes again.
        momentum: Share of itself that the teacher keeps in an update, in `[0, 1]`, at
            the start of a run; see `anneal` and `warm_up`. BYOL's 0.996 is for a
            thousand epochs of ImageNet: a short run ends before such a teacher has
            moved.

    Call arguments:
        Those of the network.

    Returns:
        What the network returns.

    Example:

    >>> teacher = ssl_voc.models.MomentumTeacher(backbone, momentum=0.99)
    >>> teacher.update(backbone)  # in `compute_loss`, while training
    >>> targets = teacher(views, training=True)

    Reference:
        - [Tarvainen and Valpola, 2017](https://arxiv.org/abs/1703.01780), mean teacher
        - [Grill et al., 2020](https://arxiv.org/abs/2006.07733), section 3.1
    """

    def __init__(self, network, momentum=0.99, **kwargs):
        if not 0.0 <= momentum <= 1.0:
            raise ValueError(
                "`momentum` is a share and must lie in [0, 1]. "
                f"Received: momentum={momentum}"
            )
        # What the network gets is the network's affair to cast.
        super().__init__(**{"autocast": False, **kwargs})
        self.momentum = momentum
        self.network = _copy(network)
        for weight in self.network.weights:
            # `network.trainable` would put its batch norms in inference mode.
            weight.trainable = False
        self.current_momentum = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(momentum),
            dtype="float32",
            trainable=False,
            autocast=False,
            name="momentum",
        )
        self.built = True

    def call(self, *inputs, **arguments):
        outputs = self.network(*inputs, **arguments)
        return keras.tree.map_structure(ops.stop_gradient, outputs)

    def update(self, student):
        """Moves each weight towards that of the student, which stays as it is.

        Args:
            student: The network that was copied.
        """
        share = 1.0 - ops.convert_to_tensor(self.current_momentum)
        for weight, other in zip(self.network.weights, student.weights, strict=True):
            value = ops.stop_gradient(ops.convert_to_tensor(other))
            if keras.backend.is_float_dtype(weight.dtype):
                own = ops.convert_to_tensor(weight)
                # A difference of 0 moves nothing, not even by rounding.
                value = own + ops.cast(share, weight.dtype) * (value - own)
            weight.assign(value)

    def anneal(self, share_done):
        """Raises the momentum by half a cosine, from its start to 1.

        By the epoch it needs no counter that a resumed run would have to restore.

        Args:
            share_done: Share of the run that is done, in `[0, 1]`.
        """
        left = 0.5 * (1.0 + math.cos(math.pi * share_done))
        self.current_momentum.assign(1.0 - (1.0 - self.momentum) * left)

    def warm_up(self, steps):
        """Averages over few steps at first, so that the start is soon forgotten.

        Args:
            steps: Number of steps done.
        """
        self.current_momentum.assign(schedule.early_decay(self.momentum, steps))

    def compute_output_spec(self, *inputs, **arguments):
        return self.network.compute_output_spec(*inputs, **arguments)

    def get_config(self):
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network, "momentum": self.momentum}

    @classmethod
    def from_config(cls, config):
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})


def _copy(network):
    if not network.built:
        raise ValueError(
            "`network` must be built: its weights are copied. "
            f"Received: {type(network).__name__} {network.name!r}, not built"
        )
    copy = copy_layer(network)
    if not copy.built:
        copy.build_from_config(network.get_build_config())
    for layer in nested_layers(copy):
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    set_weights(copy, network.get_weights())
    return copy
