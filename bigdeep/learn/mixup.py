"""Mixup: images blended in pairs, and their labels with them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

from bigdeep import sections

QUANTILES = 2**16

Mix = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


def build(alpha: float, classes: int) -> Mix:
    """mix(key, inputs, labels) -> (inputs, targets): each image and its label blended with the next ones in the batch.

    x_i <- m_i x_i + (1 - m_i) x_j and t_i = m_i e(y_i) + (1 - m_i) e(y_j), with e(y) the one-hot vector of a label, j
    the next in the batch (the first behind the last), and m_i = max(b_i, 1 - b_i), b_i ~ Beta(alpha, alpha): an image
    keeps the larger share of itself. Batches are shuffled, so its partner is a random one.

    alpha: >= 0; 0 leaves images as they are and makes targets one-hot, 1 draws m from U[1/2, 1]. inputs: (B, H, W, C);
    labels: (B,); targets: (B, classes).
    Source: Zhang et al. 2018 (arXiv 1710.09412), section 2, where b is not turned to its larger side.
    """
    sections.number("mixup", alpha, "[0, inf)")
    if alpha == 0:
        return lambda _, inputs, labels: (inputs, jax.nn.one_hot(labels, classes))
    # m has the upper half of Beta's quantiles.
    middles = 0.5 + (np.arange(QUANTILES) + 0.5) / (2 * QUANTILES)
    table = jnp.asarray(special.betaincinv(alpha, alpha, middles), jnp.float32)

    def mix(key: jax.Array, inputs: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        share = table[jax.random.randint(key, inputs.shape[:1], 0, QUANTILES)]

        def blend(values: jax.Array) -> jax.Array:
            weight = share.reshape(-1, *(1,) * (values.ndim - 1))
            return weight * values + (1 - weight) * jnp.roll(values, -1, axis=0)

        return blend(inputs), blend(jax.nn.one_hot(labels, classes))

    return mix
