"""Bytes and inputs: images as they are stored, uint8 in 0..255, and as nets see them, float32 in [-1, 1]."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np


def to_inputs(pixels: jax.Array) -> jax.Array:
    """Pixel values in [0, 255], float, to inputs in [-1, 1]: x / 127.5 - 1."""
    return pixels / 127.5 - 1.0


def to_bytes(inputs: jax.Array) -> jax.Array:
    """Inputs in [-1, 1] to the nearest uint8: the inverse of `to_inputs`."""
    return jnp.rint((inputs + 1.0) * 127.5).astype(jnp.uint8)


def margins(shape: Sequence[int], larger: Sequence[int]) -> list[tuple[int, int]]:
    """How images (N, *shape) are padded to (N, *larger): the smaller half of an odd margin comes first."""
    widths = [b - a for a, b in zip(shape, larger, strict=True)]
    return [(0, 0), *((width // 2, width - width // 2) for width in widths)]


def padded(images: np.ndarray, size: int) -> np.ndarray:
    """Images (N, H, W, C) in a frame of background, size x size pixels; themselves where they have that size."""
    if images.shape[1:3] == (size, size):
        return images
    return np.pad(images, margins(images.shape[1:], (size, size, images.shape[3])))
