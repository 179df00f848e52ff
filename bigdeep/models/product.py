"""Matrix products in single precision, or of factors rounded to bfloat16, which new processors multiply faster."""

import functools
import pathlib

import jax
import jax.numpy as jnp

from bigdeep import compiler

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
    x, w = _round(x), _round(w)
    return _contract(x, w, 1, 0), (x, w)


def _backward(factors: tuple, g: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, w = factors
    g = _round(g)
    rows = compiler.transposed(x) if x.dtype == jnp.bfloat16 else x.T
    return _contract(g, w, 1, 1), _contract(rows, g, 1, 0)


def _round(x: jax.Array) -> jax.Array:
    """x rounded to bfloat16: in that type where it is multiplied fast, in float32 else, for the same products."""
    return x.astype(jnp.bfloat16) if _multiplied_fast() else jax.lax.reduce_precision(x, 8, 7)


@functools.cache
def _multiplied_fast() -> bool:
    """Whether the devices multiply bfloat16 faster than float32: all accelerators, and CPUs with instructions for it.

    Others would convert both factors in each product, which takes up to twice as long as products of float32.
    """
    if jax.default_backend() != "cpu":
        return True
    info = pathlib.Path("/proc/cpuinfo")
    flags = info.read_text() if info.exists() else ""
    return any(f" {flag}" in flags for flag in ("avx512_bf16", "amx_bf16", "bf16"))


def _contract(a: jax.Array, b: jax.Array, of_a: int, of_b: int) -> jax.Array:
    """The product of two matrices summed over an axis of each, in float32."""
    return jax.lax.dot_general(a, b, (((of_a,), (of_b,)), ((), ())), preferred_element_type=jnp.float32)


_rounded.defvjp(_forward, _backward)
