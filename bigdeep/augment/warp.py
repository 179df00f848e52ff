"""Displacements -> images: one bilinear resampling, however many deformations were added up.

A bilinear sample needs four neighbouring pixels. They are bytes, so they are packed beforehand into one 32-bit
word per pixel, a cell, and the gather, by far the most expensive part, fetches one word instead of four bytes.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from bigdeep.augment.deformation import Fill


def bilinear(images: jax.Array, d_y: jax.Array, d_x: jax.Array, fill: Fill) -> jax.Array:
    """Samples images at displaced pixel positions: out[y, x] = image(y + d_y[y, x], x + d_x[y, x]).

    images: uint8 (B, H, W, C). d_y, d_x: float32 (B, H * W), pixels.
    fill.mode: what lies outside, in scipy's words (Keras's fill_mode has the last four): "grid-constant" a frame of
    fill.value around the image, blended with its edge; "constant" the same, not blended; "nearest"; "reflect"; "wrap".
    Returns float32 (B, H, W, C) in [0, 255]. Equals scipy.ndimage.map_coordinates(order=1, mode=fill.mode).
    """
    batch, height, width, channels = images.shape
    grid_y, grid_x = np.indices((height, width), np.float32).reshape(2, 1, -1)
    y, x = grid_y + d_y, grid_x + d_x
    u, v = MODES[fill.mode](y, height) + 1.0, MODES[fill.mode](x, width) + 1.0
    row, column = u.astype(jnp.int32), v.astype(jnp.int32)
    corners = _gather(_cells(images, fill), row * (width + 2) + column)
    down, right = (jnp.repeat(fraction - whole, channels, axis=0) for fraction, whole in ((u, row), (v, column)))
    a, b, c, d = (((corners >> shift) & 255).astype(jnp.float32) for shift in (0, 8, 16, 24))
    upper, lower = a + right * (b - a), c + right * (d - c)
    pixels = upper + down * (lower - upper)
    if fill.mode == "constant":
        inside = (y >= 0) & (y <= height - 1) & (x >= 0) & (x <= width - 1)
        pixels = jnp.where(jnp.repeat(inside, channels, axis=0), pixels, fill.value)
    if channels == 1:  # the transposition below would do nothing, and be a copy all the same
        return pixels.reshape(images.shape)
    return pixels.reshape(batch, channels, height, width).transpose(0, 2, 3, 1)


def _clip(position: jax.Array, size: int) -> jax.Array:
    return jnp.clip(position, -1, size)


def _nearest(position: jax.Array, size: int) -> jax.Array:
    return jnp.clip(position, 0, size - 1)


def _reflect(position: jax.Array, size: int) -> jax.Array:
    """… 1 0 | 0 1 … n-1 | n-1 …: period 2 n, mirrored at the outer edge of the last pixel."""
    folded = jnp.mod(position + 0.5, 2.0 * size)
    return jnp.minimum(folded, 2.0 * size - folded) - 0.5


def _wrap(position: jax.Array, size: int) -> jax.Array:
    """Period n - 1, not n: scipy lets the first and the last pixel coincide, and so does Keras."""
    period = size - 1.0
    below = position + period * (jnp.trunc(-position / period) + 1)
    above = position - period * jnp.trunc(position / period)
    return jnp.where(position < 0, below, jnp.where(position > period, above, position))


# Positions in pixels to positions in [-1, n] that show the same, in an image with a frame of one pixel around it.
MODES: dict[str, Callable] = {
    "grid-constant": _clip,
    "constant": _clip,
    "nearest": _nearest,
    "reflect": _reflect,
    "wrap": _wrap,
}


def _cells(images: jax.Array, fill: Fill) -> jax.Array:
    """uint32 (B * C, (H + 2) * (W + 2)): the 2x2 neighbourhood right of and below each pixel, from (-1, -1) on."""
    batch, height, width, channels = images.shape
    planes = images.transpose(0, 3, 1, 2).reshape(batch * channels, height, width)
    constant = fill.mode in ("grid-constant", "constant")
    how = {"constant_values": jnp.uint8(round(fill.value))} if constant else {"mode": "edge"}

    def shifted(down: int, right: int) -> jax.Array:
        frame = ((0, 0), (1 - down, 1 + down), (1 - right, 1 + right))
        return jnp.pad(planes, frame, **how).astype(jnp.uint32)

    cells = shifted(0, 0) | shifted(0, 1) << 8 | shifted(1, 0) << 16 | shifted(1, 1) << 24
    return cells.reshape(batch * channels, -1)


def _gather(cells: jax.Array, index: jax.Array) -> jax.Array:
    """cells (B * C, N) at index (B, P), the same for all channels -> (B * C, P).

    In two halves, since XLA fuses the packing of a cell into its only user, and then packs anew for each sample of
    each pixel. Two users make it pack once.
    """
    index, half = jnp.repeat(index, len(cells) // len(index), axis=0), index.shape[1] // 2
    parts = index[:, :half], index[:, half:]
    return jnp.concatenate([jnp.take_along_axis(cells, part, 1, mode="promise_in_bounds") for part in parts], axis=1)
