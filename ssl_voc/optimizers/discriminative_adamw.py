"""AdamW with discriminative learning rates: one factor for each part of a model."""

import keras
from keras import ops

from ssl_voc.optimizers.schedule import early_decay


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
        average_decay: Decay of an exponential moving average of the weights, in
            `(0, 1)`, see `averages`; None for none. It is smaller at first, see
            `schedule.early_decay`.
        name: Name of the optimizer.
        **kwargs: those of `keras.optimizers.Adam`.

    Reference:
        - [Howard and Ruder, 2018](https://arxiv.org/abs/1801.06146), section 3.2
        - [Loshchilov and Hutter, 2017](https://arxiv.org/abs/1711.05101)
        - [Polyak and Juditsky, 1992](https://doi.org/10.1137/0330046), the average
    """

    def __init__(
        self,
        learning_rate=1e-3,
        factors=None,
        weight_decay=0.05,
        average_decay=None,
        name="discriminative_adamw",
        **kwargs,
    ):
        if average_decay is not None and not 0.0 < average_decay < 1.0:
            raise ValueError(
                "`average_decay` must lie in (0, 1), or be None. Received: "
                f"average_decay={average_decay}"
            )
        # The base class would decay all weights at one rate.
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.factors = dict(factors or {})
        self.decoupled_decay = weight_decay
        # Not `use_ema` of the base class: its decay is the same from the first step on,
        # and `fit` ends by putting the average into the model, from where neither the
        # next phase of a schedule nor a resumed run would go on alike.
        self.average_decay = average_decay
        # How far each average lies behind its weight: 0 at first, whatever the weight,
        # and for ever where there is no gradient.
        self._lags = []

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
            if self.average_decay is not None:
                self._lags = self.add_optimizer_variables(variables, "lag")

    def averages(self):
        """List of pairs of each trained variable and its average, a NumPy array."""
        return [
            (variable, ops.convert_to_numpy(variable) + ops.convert_to_numpy(lag))
            for variable, lag in zip(self._trainable_variables, self._lags, strict=True)
        ]

    def update_step(self, gradient, variable, learning_rate):
        # What comes here is the backend's variable, which knows no path.
        index = self._get_variable_index(variable)
        learning_rate = learning_rate * self._factor_by_index[index]
        before = ops.copy(variable) if self._lags else None
        if self.decoupled_decay and len(variable.shape) > 1:
            decay = keras.ops.cast(learning_rate * self.decoupled_decay, variable.dtype)
            self.assign_sub(variable, variable * decay)
        super().update_step(gradient, variable, learning_rate)
        if self._lags:
            # That is `average = decay * average + (1 - decay) * variable`.
            lag = self._lags[index]
            step = ops.cast(self.iterations, variable.dtype)
            decay = early_decay(self.average_decay, step)
            self.assign(lag, decay * (lag + before - variable))

    def get_config(self):
        config = super().get_config()
        config.update(
            factors=self.factors,
            weight_decay=self.decoupled_decay,
            average_decay=self.average_decay,
        )
        return config
