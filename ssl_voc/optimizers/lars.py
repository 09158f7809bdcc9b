"""Layer-wise adaptive rate scaling (LARS): SGD scaled to each layer's weights."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="ssl_voc")
class LARS(keras.optimizers.Optimizer):
    """Layer-wise adaptive rate scaling, the optimizer of large-batch SimCLR.

    A kernel's update is `trust_coefficient * |weights| / |gradient|` times its
    gradient, the gradient including weight decay, with momentum on top. Vectors
    (biases, batch norm scales and offsets) take plain momentum steps without decay,
    as in SimCLR.

    Args:
        learning_rate: Float, schedule or callable.
        momentum: Float in `[0, 1)`.
        weight_decay: L2 coefficient added to the gradients of kernels.
        trust_coefficient: Share of its norm that a kernel may move at learning rate 1.
        name: Name of the optimizer.
        **kwargs: those of `keras.optimizers.Optimizer`, such as `global_clipnorm`.

    Reference:
        - [You et al., 2017](https://arxiv.org/abs/1708.03888)
    """

    def __init__(
        self,
        learning_rate=1.0,
        momentum=0.9,
        weight_decay=1e-6,
        trust_coefficient=1e-3,
        name="lars",
        **kwargs,
    ):
        if not 0 <= momentum < 1:
            raise ValueError(
                f"`momentum` must lie in [0, 1). Received: momentum={momentum}"
            )
        # The base class would apply a decoupled decay; LARS' is part of the gradient.
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.momentum = momentum
        self.l2_decay = weight_decay
        self.trust_coefficient = trust_coefficient

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        learning_rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        velocity = self._velocities[self._get_variable_index(variable)]
        if len(variable.shape) > 1:
            gradient = gradient + self.l2_decay * variable
            gradient = gradient * self._trust(variable, gradient)
        self.assign(velocity, self.momentum * velocity - learning_rate * gradient)
        self.assign_add(variable, velocity)

    def _trust(self, variable, gradient):
        weight_norm = ops.sqrt(ops.sum(ops.square(variable)))
        gradient_norm = ops.sqrt(ops.sum(ops.square(gradient)))
        ratio = self.trust_coefficient * weight_norm / ops.maximum(gradient_norm, 1e-12)
        # A kernel of zeros, or one without gradient, could never move.
        usable = ops.logical_and(weight_norm > 0, gradient_norm > 0)
        return ops.where(usable, ratio, 1.0)

    def get_config(self):
        config = super().get_config()
        config.update(
            momentum=self.momentum,
            weight_decay=self.l2_decay,
            trust_coefficient=self.trust_coefficient,
        )
        return config
