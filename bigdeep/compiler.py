"""What has to be said to XLA so that it does on CPUs what is meant; no value changes, here or elsewhere."""

import jax
import jax.numpy as jnp
from jax.experimental.layout import Layout, with_layout_constraint


def computed_once(x: jax.Array) -> jax.Array:
    """x, to be computed before it is read, and not anew in each operation, or for each element of one, that reads it.

    XLA on CPUs takes whatever led to x into all its readers, and drops `optimization_barrier` beforehand; only what it
    takes for costly it leaves alone, as a division. So x is divided by 1, which XLA cannot know to be 1; NaN stays NaN,
    and subnormal numbers are 0 to XLA on CPUs anyway.
    """
    return x / jnp.where(jnp.isnan(x), 2.0, 1.0)


def transposed(x: jax.Array) -> jax.Array:
    """x^T (M, N) of x (N, M), written row by row before a product reads it.

    XLA on CPUs would take a mere transposition into a product of bfloat16, compute that in float32, half as fast, and
    in another order for another number of rows.
    """
    return jax.lax.platform_dependent(x, cpu=_row_by_row, default=jnp.transpose)


@jax.jit
def _row_by_row(x: jax.Array) -> jax.Array:
    return with_layout_constraint(x.T, Layout((0, 1)))
