"""Mixup: images blended in pairs, and the losses of their labels with them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

from bigdeep import config
from bigdeep.losses import Loss

QUANTILES = 2**16

Mix = Callable[[jax.Array, jax.Array, Loss], tuple[jax.Array, Loss]]


def build(alpha: float) -> Mix:
    """mix(key, inputs, loss) -> (inputs, loss): each image blended with the one behind it in the batch.

    x_i <- m_i x_i + (1 - m_i) x_j and loss_i <- m_i loss(z_i, y_i) + (1 - m_i) loss(z_i, y_j), with j the next in the
    batch, behind the last the first, and m_i = max(b_i, 1 - b_i), b_i ~ Beta(alpha, alpha): an image keeps the larger
    share of itself. Batches are shuffled, so its partner is a random one.

    alpha: >= 0; 0 leaves all as it is, 1 draws m from U[1/2, 1]. inputs: (B, H, W, C).
    Source: Zhang et al. 2018 (arXiv 1710.09412), section 2, where b is not turned to its larger side.
    """
    config.number("mixup", alpha, 0.0)
    if alpha == 0:
        return lambda _, inputs, loss: (inputs, loss)
    # m has the upper half of Beta's quantiles.
    middles = 0.5 + (np.arange(QUANTILES) + 0.5) / (2 * QUANTILES)
    table = jnp.asarray(special.betaincinv(alpha, alpha, middles), jnp.float32)

    def mix(key: jax.Array, inputs: jax.Array, loss: Loss) -> tuple[jax.Array, Loss]:
        share = table[jax.random.randint(key, inputs.shape[:1], 0, QUANTILES)]
        of_image = share.reshape(-1, *(1,) * (inputs.ndim - 1))
        mixed = of_image * inputs + (1 - of_image) * jnp.roll(inputs, -1, axis=0)

        def mixed_loss(logits: jax.Array, labels: jax.Array, seen: jax.Array) -> jax.Array:
            own, partners = loss(logits, labels, seen), loss(logits, jnp.roll(labels, -1), seen)
            return share * own + (1 - share) * partners

        return mixed, mixed_loss

    return mix
