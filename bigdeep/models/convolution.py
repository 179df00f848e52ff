"""Convolution in its fastest form: on CPUs one matrix product of few maps, XLA's with other gradients of many.

XLA's own gradients are kept for GPUs and TPUs, and are what the tests compare with.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

# Maps, in and out, from which XLA's convolution is faster on a CPU than the product: measured.
MANY_MAPS = 16
# What copying one number (forth, and back in the gradient) costs, in multiplications of a matrix product: measured.
COPY = 150


def convolution(x: jax.Array, kernel: jax.Array, stride: int, padding: str) -> jax.Array:
    """y[b, h, w, f] = sum_{i, j, c} x[b, h stride + i, w stride + j, c] kernel[i, j, c, f], with no kernel flipped.

    x: (B, H, W, C); kernel: (K, L, C, F); padding: "valid", or "same" for zeros around x such that stride 1 keeps its
    size (the smaller half before).
    """
    dtype = jnp.result_type(x, kernel)
    x, kernel = x.astype(dtype), kernel.astype(dtype)
    if padding == "same":
        x = jnp.pad(x, ((0, 0), *(((k - 1) // 2, k // 2) for k in kernel.shape[:2]), (0, 0)))
    many = min(kernel.shape[2:]) >= MANY_MAPS and stride == 1 and x.shape[1:3] != kernel.shape[:2]
    cpu = _of_many_maps if many else functools.partial(_banded, stride=stride)
    return jax.lax.platform_dependent(x, kernel, cpu=cpu, default=functools.partial(_xla, stride=stride))


def whole_kernel(
    kernel: jax.Array, connections: Sequence[Sequence[int]], features: int, channels: int = 0
) -> jax.Array:
    """(K, K, pairs) -> (K, K, channels, features), with zeros where a map does not see another; any other as it is.

    channels: of the input; 0 for as many as the connections name.
    """
    if not connections:
        return kernel
    seen = np.array([(c, f) for f, maps in enumerate(connections) for c in maps])
    dense = jnp.zeros((*kernel.shape[:2], channels or seen[:, 0].max() + 1, features), kernel.dtype)
    return dense.at[:, :, seen[:, 0], seen[:, 1]].set(kernel)


def _xla(x: jax.Array, kernel: jax.Array, stride: int = 1, frame: tuple = ((0, 0), (0, 0))) -> jax.Array:
    return jax.lax.conv_general_dilated(x, kernel, (stride, stride), frame, dimension_numbers=("NHWC", "HWIO", "NHWC"))


@jax.custom_vjp
def _of_many_maps(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """_xla with gradients that are themselves such convolutions, all axes in the order that XLA computes fast.

    Within a loop, as the steps of a run are, XLA's own gradients name their axes in another order, and take some fifty
    times as long.
    """
    return _xla(x, kernel)


def _backward(factors: tuple[jax.Array, jax.Array], g: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = factors
    frame = tuple((size - 1, size - 1) for size in kernel.shape[:2])
    turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
    of_kernel = _xla(x.transpose(3, 1, 2, 0), g.transpose(1, 2, 0, 3))  # images and input maps change places
    return _xla(g, turned, frame=frame), of_kernel.transpose(1, 2, 0, 3)


def _forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    x = jax.lax.optimization_barrier(x)  # or XLA computes it once more for the gradient
    return _xla(x, kernel), (x, kernel)


_of_many_maps.defvjp(_forward, _backward)


def _banded(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """As patches x band: a product yields a strip of `tile` neighbours in a row at once.

    A patch is the K x ((tile - 1) stride + L) x C window that such a strip sees; the band holds the kernel once for
    each of its positions, zeros elsewhere. tile = 1 is im2col; larger ones copy less and multiply more.
    """
    (rows, columns, channels, features), (batch, height, width, _) = kernel.shape, x.shape
    high, wide = (height - rows) // stride + 1, (width - columns) // stride + 1
    tile = _tile(wide, columns, features, stride)
    seen = (tile - 1) * stride + columns
    band, last = kernel, (high - 1) * stride + 1
    if tile > 1:
        at = np.arange(seen)[:, None, None] - stride * np.arange(tile)[:, None] == np.arange(columns)
        band = jnp.einsum("jtq,pqcf->pjctf", at.astype(kernel.dtype), kernel)  # at: (seen, tile, L)
    flat = _gathered(x.reshape(batch, height, width * channels), kernel[0, 0, 0, 0])  # long rows are copied faster
    starts = [s * tile * stride * channels for s in range(wide // tile)]
    strips = [
        flat[:, i : i + last : stride, None, start : start + seen * channels] for start in starts for i in range(rows)
    ]
    patches = jnp.concatenate(strips, axis=2).reshape(batch * high * (wide // tile), rows * seen * channels)
    return (patches @ band.reshape(-1, tile * features)).reshape(batch, high, wide, features)


@jax.custom_vjp
def _gathered(x: jax.Array, number: jax.Array) -> jax.Array:
    """x; its gradient, the sum over all that was cut out of it, stands behind a branch that any number takes.

    Without it XLA adds up in the order of whatever reads the sum, short rows of few maps, several times as slow.
    """
    return x


def _gathered_forward(x: jax.Array, number: jax.Array) -> tuple[jax.Array, jax.Array]:
    return x, number


def _gathered_backward(number: jax.Array, g: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jax.lax.cond(jnp.isnan(number), lambda g: -g, lambda g: g, g), jnp.zeros_like(number)


_gathered.defvjp(_gathered_forward, _gathered_backward)


def _tile(wide: int, columns: int, features: int, stride: int) -> int:
    """The divisor of a row's length for which copying and multiplying cost least, per output."""

    def cost(tile: int) -> float:
        seen = (tile - 1) * stride + columns
        return seen * features + COPY * seen / tile

    return min((tile for tile in range(1, wide + 1) if wide % tile == 0), key=cost)
