"""Plain multilayer perceptrons, and the activations and initialisers their configs name."""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from bigdeep import config


def scaled_tanh(a: jax.Array) -> jax.Array:
    """1.7159 tanh(0.6666 a): close to +-1 at +-1. Source: LeCun et al. 1998, "Efficient BackProp", section 4.4."""
    return 1.7159 * jnp.tanh(0.6666 * a)


def symmetric_uniform(limit: float) -> Callable:
    """U[-limit, limit]. Source: Cireşan et al. 2010 (arXiv 1003.0358), section 3, with limit 0.05."""

    def init(key: jax.Array, shape: Sequence[int], dtype=jnp.float32) -> jax.Array:
        return jax.random.uniform(key, shape, dtype, -limit, limit)

    return init


ACTIVATIONS = {"relu": nn.relu, "scaled_tanh": scaled_tanh}
INITIALISERS = {
    "uniform_0.05": symmetric_uniform(0.05),
    "lecun_normal": nn.initializers.lecun_normal(),
    "he_normal": nn.initializers.he_normal(),
}


class MLP(nn.Module):
    """x -> activation(W x + b) for each hidden layer -> W x + b. Inputs (B, …) are flattened; logits (B, classes)."""

    widths: Sequence[int]
    activation: Callable
    init_weights: Callable
    init_biases: Callable
    classes: int

    @nn.compact
    def __call__(self, inputs: jax.Array, *, train: bool) -> jax.Array:
        x = inputs.reshape(len(inputs), -1)
        for i, width in enumerate((*self.widths, self.classes)):
            layer = nn.Dense(width, kernel_init=self.init_weights, bias_init=self.init_biases, name=f"layer{i + 1}")
            x = layer(x) if i == len(self.widths) else self.activation(layer(x))
        return x


def mlp(widths: Sequence[int], activation: str, init: str, classes: int) -> MLP:
    """A multilayer perceptron of the given hidden widths, linear at the output.

    widths: at least one hidden layer, each >= 1. activation: "scaled_tanh" or "relu".
    init: "uniform_0.05" draws weights and biases from U[-0.05, 0.05]; "lecun_normal" (variance 1 / fan-in) and
      "he_normal" (2 / fan-in) draw the weights and start the biases at 0.
    Source: Cireşan et al. 2010 (arXiv 1003.0358).
    """
    config.check(isinstance(widths, Sequence) and len(widths) > 0, "widths", widths, "at least one hidden layer")
    for width in widths:
        config.integer("widths", width, 1)
    config.choice("activation", activation, ACTIVATIONS)
    config.choice("init", init, INITIALISERS)
    weights = INITIALISERS[init]
    biases = weights if init == "uniform_0.05" else nn.initializers.zeros
    return MLP(tuple(widths), ACTIVATIONS[activation], weights, biases, classes)
