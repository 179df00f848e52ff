"""Strokes instead of pixels: where an image's gradient points, and how much of it, window by window. Not learned."""

import functools
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from bigdeep import compiler, sections
from bigdeep.models import pooling
from bigdeep.models.product import PRECISIONS, product

# Sobel's operator downwards, for a slope of 1 a pixel; across the image it is the transposed one.
SOBEL = np.array([[-1.0, -2.0, -1.0], [0.0, 0.0, 0.0], [1.0, 2.0, 1.0]], np.float32) / 8.0
EPSILON = 1e-4  # beneath the root, whose slope at 0 would have no bounds


class Directions(nn.Module):
    """x (B, H, W, C) -> the root of how much gradient there is, (B, h, w, C D): a map for each channel and direction.

    The gradient g of each pixel (Sobel's, edges continued) is shared between the two of D directions that it lies
    between, by the parallelogram of forces: direction k, a unit vector e at the angle 2 pi k / D, gets
    max(0, g e - |g n| / tan(2 pi / D)), n its normal. A triangular window of `size` pixels takes the mean, every
    `stride` pixels, as many as fit: one product with H W h w numbers, meant for images of digits, not of 200 pixels.
    """

    channels: int
    directions: int
    size: int
    stride: int
    precision: str

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        batch, height, width, _ = x.shape
        down, right = (g.reshape(-1, 1, height * width) for g in _gradient(x.transpose(0, 3, 1, 2)))
        along, across = (a[:, None, :, None] for a in angles(self.directions))
        shares = nn.relu(down * along[0] + right * along[1] - jnp.abs(down * across[0] + right * across[1]))
        rows, columns = (windows(length, self.size, self.stride) for length in (height, width))
        means = product(shares.reshape(-1, height * width), jnp.asarray(np.kron(rows, columns)), self.precision)
        maps = means.reshape(batch, self.channels * self.directions, rows.shape[1], columns.shape[1])
        return jnp.sqrt(maps + EPSILON).transpose(0, 2, 3, 1)


def _gradient(planes: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Of planes (B, C, H, W), downwards and to the right, the same shape each."""
    framed = jnp.pad(planes, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    high, wide = planes.shape[2:]

    def weighted(kernel: np.ndarray) -> jax.Array:
        parts = [
            weight * framed[:, :, i : i + high, j : j + wide] for (i, j), weight in np.ndenumerate(kernel) if weight
        ]
        return compiler.computed_once(functools.reduce(jnp.add, parts))

    return weighted(SOBEL), weighted(SOBEL.T)


def angles(directions: int) -> tuple[np.ndarray, np.ndarray]:
    """(2, D) each, of (down, right): unit vectors along the directions; across them, divided by the tangent."""
    angle = 2 * np.pi * np.arange(directions) / directions
    along, across = np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])
    return along.astype(np.float32), (across / np.tan(2 * np.pi / directions)).astype(np.float32)


def windows(length: int, size: int, stride: int) -> np.ndarray:
    """(length, n): n triangles of `size` pixels, each `stride` behind the other and of sum 1, as columns."""
    triangle = np.minimum(np.arange(1, size + 1), np.arange(size, 0, -1)) / ((size + 1) // 2 * (size // 2 + 1))
    count = (length - size) // stride + 1
    columns = np.zeros((length, count), np.float32)
    for i in range(count):
        columns[i * stride : i * stride + size, i] = triangle
    return columns


def directions(
    directions: int, size: int, stride: int, shape: Sequence[int], precision: str = "float32"
) -> Callable[..., nn.Module]:
    """Directional features of strokes, without weights, to stand before "flatten".

    directions: >= 4; size: of the triangular windows, pixels, in [1, the image's size]; stride: from one to the next,
    pixels, >= 1; precision: of the mean, see bigdeep/models/product.py.
    Source: Liu, Nakashima, Sako & Fujisawa 2003, Pattern Recognition 36(10), for the idea; the windows are our own.
    """
    sections.integer("directions", directions, "[4, inf)")
    pooling.check_window("size", size, shape)
    sections.integer("stride", stride, "[1, inf)")
    sections.choice("precision", precision, PRECISIONS)
    return functools.partial(Directions, shape[2], directions, size, stride, precision)
