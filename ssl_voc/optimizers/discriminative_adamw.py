"""AdamW with discriminative learning rates: one factor for each part of a model."""

import keras


@keras.saving.register_keras_serializable(package="ssl_voc")
class DiscriminativeAdamW(keras.optimizers.Adam):
    """AdamW that multiplies the learning rate of some weights by a factor.

    Pretrained layers need smaller steps than a new head. The factor of a weight is that
    of the longest name given that one of its path's parts begins with; it scales the
    decoupled decay as well, as a learning rate does.

    Args:
        learning_rate: Float, schedule or callable.
        factors: Dictionary from a name in a weight's path, that of a layer such as
            `"localization_head"` or several of them as in `"head/dense"`, to its
            factor; `""` stands for all other weights, whose factor is 1 by default.
        weight_decay: Decoupled decay of all weights but biases, norms' scales and
            offsets.
        name: Name of the optimizer.
        **kwargs: those of `keras.optimizers.Adam`.

    Reference:
        - [Howard and Ruder, 2018](https://arxiv.org/abs/1801.06146), section 3.2
        - [Loshchilov and Hutter, 2017](https://arxiv.org/abs/1711.05101)
    """

    def __init__(
        self,
        learning_rate=1e-3,
        factors=None,
        weight_decay=0.05,
        name="discriminative_adamw",
        **kwargs,
    ):
        # The base class would decay all weights at one rate.
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.factors = dict(factors or {})
        self.decoupled_decay = weight_decay

    def factor_of(self, variable):
        """Number that the learning rate of a variable is multiplied by."""
        # Not from the start alone: a model's own name stands before its layers' or
        # does not, depending on whether it was built by hand or reloaded.
        path = f"/{variable.path}"
        names = [name for name in self.factors if f"/{name}" in path]
        return self.factors[max(names, key=len)] if names else 1.0

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self._factor_by_index = [self.factor_of(variable) for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        # What comes here is the backend's variable, which knows no path.
        factor = self._factor_by_index[self._get_variable_index(variable)]
        learning_rate = learning_rate * factor
        if self.decoupled_decay and len(variable.shape) > 1:
            decay = keras.ops.cast(learning_rate * self.decoupled_decay, variable.dtype)
            self.assign_sub(variable, variable * decay)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        config = super().get_config()
        config.update(factors=self.factors, weight_decay=self.decoupled_decay)
        return config
