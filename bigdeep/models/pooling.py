"""Layers that pool: over windows of an image, or over maps. See layers.py for what a layer is."""

import functools
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from bigdeep import compiler, sections
from bigdeep.models import units


class Subsampling(nn.Module):
    """x -> activation(w sum + b) over windows of size x size, one w and b per map: LeCun's trainable average."""

    size: int
    activation: str

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        shape = (x.shape[-1],)
        weight = self.param("kernel", nn.initializers.constant(1 / self.size**2), shape)
        bias = self.param("bias", nn.initializers.zeros, shape)
        a = _windows(x, self.size).sum((2, 4))
        a = a * units.per_map(weight, a) + units.per_map(bias, a)
        return units.finish(self, a, self.activation, "none", train)


class MaxPool(nn.Module):
    """The largest of each window of size x size."""

    size: int

    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        return _largest(x, self.size)


class AveragePool(nn.Module):
    """The mean of each window of size x size."""

    size: int

    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        return _windows(x, self.size).mean((2, 4))


class Maxout(nn.Module):
    """(…, C) -> (…, C / pieces): the largest of each `pieces` maps, or units, in a row."""

    pieces: int

    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        return x.reshape(*x.shape[:-1], -1, self.pieces).max(-1)


class Gated(nn.Module):
    """(…, 2 C) -> (…, C): every first of two units times the activation of the second, its gate."""

    activation: str

    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        return x[..., ::2] * units.ACTIVATIONS[self.activation].function(x[..., 1::2])


def _windows(x: jax.Array, size: int) -> jax.Array:
    """(B, H, W, C) -> (B, H/size, size, W/size, size, C); what does not fill a window is cut off."""
    batch, height, width, channels = x.shape
    high, wide = height // size, width // size
    return x[:, : high * size, : wide * size].reshape(batch, high, size, wide, size, channels)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _largest(x: jax.Array, size: int) -> jax.Array:
    """The largest of each window; its equals share the gradient. By element, since XLA reduces several times slower."""
    return compiler.computed_once(functools.reduce(jnp.maximum, _corners(_windows(x, size))))


def _corners(windows: jax.Array) -> list[jax.Array]:
    """Windows (B, high, size, wide, size, C) -> what lies at each of their positions, (B, high, wide, C)."""
    size = windows.shape[2]
    return [windows[:, :, i, :, j] for i in range(size) for j in range(size)]


def _forward(x: jax.Array, size: int) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    y = _largest(x, size)
    return y, (x, y)


def _backward(size: int, seen: tuple[jax.Array, jax.Array], g: jax.Array) -> tuple[jax.Array]:
    x, y = seen
    windows = _windows(x, size)
    equals = sum((corner == y).astype(g.dtype) for corner in _corners(windows))
    share, largest = (a[:, :, None, :, None] for a in (g / equals, y))
    batch, high, _, wide, _, channels = windows.shape
    inner = jnp.where(windows == largest, share, 0.0).reshape(batch, high * size, wide * size, channels)
    rest = ((0, x.shape[axis] - inner.shape[axis]) for axis in (1, 2))  # what fills no window
    return (jnp.pad(inner, ((0, 0), *rest, (0, 0))),)


_largest.defvjp(_forward, _backward)


def subsampling(size: int, activation: str, shape: Sequence[int]) -> Callable[..., nn.Module]:
    """LeCun's trainable subsampling by size. Source: LeCun et al. 1998, "Gradient-based learning", section II.B."""
    check_window("size", size, shape)
    sections.choice("activation", activation, units.ACTIVATIONS)
    return functools.partial(Subsampling, size, activation)


def max_pool(size: int, shape: Sequence[int]) -> Callable[..., nn.Module]:
    """Max-pooling by size."""
    check_window("size", size, shape)
    return functools.partial(MaxPool, size)


def average_pool(size: int, shape: Sequence[int]) -> Callable[..., nn.Module]:
    """Average pooling by size."""
    check_window("size", size, shape)
    return functools.partial(AveragePool, size)


def maxout(pieces: int, shape: Sequence[int]) -> Callable[..., nn.Module]:
    """Maxout of the linear units before it. pieces: >= 2, how many make one; they divide the units.

    Source: Goodfellow et al. 2013 (arXiv 1302.4389), section 2.
    """
    sections.integer("pieces", pieces, "[2, inf)")
    sections.check(shape[-1] % pieces == 0, "pieces", pieces, f"a divisor of {shape[-1]} units")
    return functools.partial(Maxout, pieces)


def gated(activation: str, shape: Sequence[int]) -> Callable[..., nn.Module]:
    """The linear units before it by twos, one gating the other. activation: of the gates, sigmoid or another.

    Source: Shazeer 2020 (arXiv 2002.05202), section 2.
    """
    sections.choice("activation", activation, units.ACTIVATIONS)
    sections.check(shape[-1] % 2 == 0, "name", f"gated on {shape[-1]} units", "an even number of them")
    return functools.partial(Gated, activation)


def check_window(what: str, size: int, shape: Sequence[int]) -> None:
    """Requires images of `shape`, (H, W, C), that a window of size x size fits into."""
    sections.check(len(shape) == 3, "name", f"a layer for images on {tuple(shape)}", "it before the flat ones")
    sections.integer(what, size, f"[1, {min(shape[:2])}]")
