"""Displacements -> images: one bilinear resampling, however many deformations were added up.

A bilinear sample needs four neighbouring pixels. They are bytes, so they are packed beforehand into one 32-bit
word a pixel, and the gather, by far the dearest part, fetches one word instead of four bytes.
"""

import jax
import jax.numpy as jnp


def scale(pixels: jax.Array) -> jax.Array:
    """Pixel values in [0, 255] to network inputs in [-1, 1]: x / 127.5 - 1."""
    return pixels / 127.5 - 1.0


def bilinear(images: jax.Array, displacement: jax.Array) -> jax.Array:
    """Samples images at displaced pixel positions: out[y, x] = image(y + d_y[y, x], x + d_x[y, x]).

    images: uint8 (B, H, W, C), read as 0 outside the frame. displacement: float32 (B, 2, H, W), pixels, (d_y, d_x).
    Returns float32 (B, H, W, C) in [0, 255]. Equals scipy.ndimage.map_coordinates(order=1, mode="grid-constant").
    """
    batch, height, width, channels = images.shape
    y = jnp.clip(displacement[:, 0] + jnp.arange(height, dtype=jnp.float32)[None, :, None], -1, height)
    x = jnp.clip(displacement[:, 1] + jnp.arange(width, dtype=jnp.float32)[None, None], -1, width)
    top, left = jnp.minimum(jnp.floor(y), height - 1), jnp.minimum(jnp.floor(x), width - 1)
    down, right = (y - top)[..., None], (x - left)[..., None]
    cells = _cells(images).reshape(batch, -1, channels)
    index = (top.astype(jnp.int32) + 1) * (width + 1) + left.astype(jnp.int32) + 1
    index = index.reshape(batch, -1, 1)
    corners = jnp.take_along_axis(cells, index, axis=1, mode="promise_in_bounds")
    corners = corners.reshape(batch, height, width, channels)
    a, b, c, d = (((corners >> shift) & 255).astype(jnp.float32) for shift in (0, 8, 16, 24))
    upper, lower = a + right * (b - a), c + right * (d - c)
    return upper + down * (lower - upper)


def _cells(images: jax.Array) -> jax.Array:
    """uint32 (B, H + 1, W + 1, C): the 2x2 neighbourhood at each lattice point of the zero-padded images."""
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0))).astype(jnp.uint32)
    upper, lower = padded[:, :-1], padded[:, 1:]
    return upper[:, :, :-1] | upper[:, :, 1:] << 8 | lower[:, :, :-1] << 16 | lower[:, :, 1:] << 24
