"""Losses: (logits, labels) -> (B,), one number an image. What to minimise is their mean."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import optax

from bigdeep import config

Loss = Callable[[jax.Array, jax.Array], jax.Array]


def cross_entropy(label_smoothing: float) -> Loss:
    """Softmax cross-entropy against softened one-hot targets.

    loss = -sum_c t_c log softmax(z)_c, with t_c = (1 - s) [c = label] + s / C, in nats.

    label_smoothing: s in [0, 1); 0 is the plain cross-entropy.
    Source: Szegedy et al. 2016 (arXiv 1512.00567), section 7, for the smoothing.
    """
    config.number("label_smoothing", label_smoothing, 0.0, 0.999)

    def loss(logits: jax.Array, labels: jax.Array) -> jax.Array:
        targets = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[-1]), label_smoothing)
        return optax.softmax_cross_entropy(logits, targets)

    return loss


def squared_error(low: float, high: float) -> Loss:
    """Half the sum of squared errors of the outputs against two-valued targets.

    loss = 1/2 sum_c (z_c - t_c)^2, with t_c = high where c = label, low elsewhere.

    low, high: the two target values, e.g. -1 and 1 beside the scaled tanh.
    Source: LeCun et al. 1998, "Efficient BackProp", section 4.5, for the choice of targets.
    """
    config.number("low", low, -float("inf"))
    config.number("high", high, low, above=True)

    def loss(logits: jax.Array, labels: jax.Array) -> jax.Array:
        targets = jnp.where(jax.nn.one_hot(labels, logits.shape[-1], dtype=bool), high, low)
        return 0.5 * jnp.sum((logits - targets) ** 2, axis=-1)

    return loss


LOSSES = {"cross_entropy": cross_entropy, "squared_error": squared_error}


def build(section: Mapping) -> Loss:
    """The loss that `config.loss` names."""
    return config.construct("loss", LOSSES, section)
