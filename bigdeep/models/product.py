"""Matrix products in single precision, or of factors rounded to bfloat16, which new processors multiply faster."""

import jax
import jax.numpy as jnp

PRECISIONS = ("float32", "bfloat16")


def product(x: jax.Array, w: jax.Array, precision: str) -> jax.Array:
    """x (B, N) @ w (N, M).

    precision: "float32" multiplies x and w as they are. "bfloat16" rounds the factors of the forward and of both
    backward products to bfloat16 (8 significant bits) and sums in float32; weights and all else stay in float32.
    """
    return x @ w if precision == "float32" else _rounded(x, w)


@jax.custom_vjp
def _rounded(x: jax.Array, w: jax.Array) -> jax.Array:
    return _forward(x, w)[0]


def _forward(x: jax.Array, w: jax.Array) -> tuple[jax.Array, tuple]:
    x, w = x.astype(jnp.bfloat16), w.astype(jnp.bfloat16)
    return _contract(x, w, 1, 0), (x, w)


def _backward(factors: tuple, g: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, w = factors
    g = g.astype(jnp.bfloat16)
    # x^T g, both in reverse order of the batch: XLA would take a mere transposition into the product, which on a CPU it
    # then computes in float32, half as fast.
    return _contract(g, w, 1, 1), _contract(jnp.flip(x.T, 1), jnp.flip(g, 0), 1, 0)


def _contract(a: jax.Array, b: jax.Array, of_a: int, of_b: int) -> jax.Array:
    """The bfloat16 product of two matrices summed over an axis of each, in float32."""
    return jax.lax.dot_general(a, b, (((of_a,), (of_b,)), ((), ())), preferred_element_type=jnp.float32)


_rounded.defvjp(_forward, _backward)
