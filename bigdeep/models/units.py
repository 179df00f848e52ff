"""What layers are made of: activations, initialisers and normalisation by name; the share of units that idle."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from bigdeep import sections


class Activation(NamedTuple):
    """function: elementwise. bounds: the values it cannot leave, for the bounded ones."""

    function: Callable
    bounds: tuple[float, float] | None


def scaled_tanh(a: jax.Array) -> jax.Array:
    """1.7159 tanh(0.6666 a): close to +-1 at +-1. Source: LeCun et al. 1998, "Efficient BackProp", section 4.4."""
    return 1.7159 * jnp.tanh(0.6666 * a)


def squared_relu(a: jax.Array) -> jax.Array:
    """max(a, 0)^2. Source: So et al. 2021 (arXiv 2109.08668), section 4."""
    return nn.relu(a) ** 2


def paper_uniform(key: jax.Array, shape: Sequence[int], dtype=jnp.float32) -> jax.Array:
    """U[-0.05, 0.05]. Source: Cireşan et al. 2010 (arXiv 1003.0358), section 3."""
    return jax.random.uniform(key, shape, dtype, -0.05, 0.05)


def fan_in_uniform(key: jax.Array, shape: Sequence[int], dtype=jnp.float32) -> jax.Array:
    """U[-2.4 / F, 2.4 / F] with F the fan-in. Source: LeCun et al. 1998, "Gradient-based learning", appendix A."""
    limit = 2.4 / math.prod(shape[:-1])
    return jax.random.uniform(key, shape, dtype, -limit, limit)


ACTIVATIONS = {
    "linear": Activation(lambda a: a, None),
    "relu": Activation(nn.relu, None),
    "squared_relu": Activation(squared_relu, None),
    "gelu": Activation(nn.gelu, None),
    "tanh": Activation(jnp.tanh, (-1.0, 1.0)),
    "scaled_tanh": Activation(scaled_tanh, (-1.7159, 1.7159)),
    "sigmoid": Activation(nn.sigmoid, (0.0, 1.0)),
}
INITIALISERS = {
    "uniform_0.05": paper_uniform,
    "fan_in_uniform": fan_in_uniform,
    "xavier_uniform": nn.initializers.xavier_uniform(),
    "lecun_normal": nn.initializers.lecun_normal(),
    "he_normal": nn.initializers.he_normal(),
    "orthogonal": nn.initializers.orthogonal(),
}
NORMS = ("none", "layer", "batch")
MOMENTUM = 0.9  # of batch norm's running statistics: what is kept of the old ones in each step


def check(activation: str, norm: str, init: str) -> None:
    """Requires the names to be those of an activation, a normalisation and an initialiser."""
    sections.choice("activation", activation, ACTIVATIONS)
    sections.choice("norm", norm, NORMS)
    sections.choice("init", init, INITIALISERS)


def biases(init: str) -> Callable:
    """How biases start: as the weights under "uniform_0.05", the paper's way; at 0 else."""
    return paper_uniform if init == "uniform_0.05" else nn.initializers.zeros


def per_map(values: jax.Array, x: jax.Array) -> jax.Array:
    """Values (C,) in the shape that goes with x (…, C)."""
    return values.reshape((1,) * (x.ndim - 1) + (-1,))


def finish(module: nn.Module, a: jax.Array, activation: str, norm: str, train: bool) -> jax.Array:
    """activation(norm(a)), to be called within a layer; the share of idle units goes to its "diagnosis"."""
    if norm == "layer":
        a = nn.LayerNorm(name="norm")(a)
    elif norm == "batch":
        a = nn.BatchNorm(use_running_average=not train, momentum=MOMENTUM, name="norm")(a)
    function, bounds = ACTIVATIONS[activation]
    y = function(a)
    watched = module.is_mutable_collection("diagnosis") and not module.is_initializing()
    if activation != "linear" and watched:
        module.sow("diagnosis", "idle", idle(y, bounds), init_fn=lambda: None, reduce_fn=lambda _, new: new)
    return y


def idle(outputs: jax.Array, bounds: tuple[float, float] | None) -> jax.Array:
    """The share of outputs (B, …) within 2.5 % of a bound (saturated); unbounded: of units that are 0 for the batch."""
    if bounds is None:
        return jnp.mean(jnp.all(outputs == 0, axis=0))
    low, high = bounds
    return jnp.mean(jnp.abs(outputs - (low + high) / 2) > 0.95 * (high - low) / 2)
