"""The usual augmentation of CIFAR-10: random crop, horizontal flip, cutout."""

import jax
import jax.numpy as jnp
import numpy as np

from bigdeep import sections
from bigdeep.augment.deformation import Deformation, Linear


def crop(padding: int, shape: tuple[int, int, int]) -> Deformation:
    """A random crop of the image's size out of the image padded with black: a shift by whole pixels.

    Each axis shifts by one of -padding, …, padding, all equally likely. padding: pixels, >= 0.
    Source: He et al. 2016 (arXiv 1512.03385), section 4.2, padding 4.
    Elsewhere: torchvision.transforms.RandomCrop(H, padding=padding).
    """
    sections.integer("padding", padding, f"[0, {min(shape[:2])}]")

    def coefficients(key: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        shifts = jax.random.randint(key, (len(labels), 2), -padding, padding + 1).astype(jnp.float32)
        return shifts[:, :1], shifts[:, 1:]

    return Deformation(linear=Linear(np.ones((1, shape[0] * shape[1])), coefficients))


def flip(probability: float) -> Deformation:
    """Mirrors left and right with the given probability, in [0, 1]. Not for digits: a mirrored 2 is none."""
    sections.number("probability", probability, "[0, 1]")

    def retouch(key: jax.Array, pixels: jax.Array) -> jax.Array:
        flipped = jax.random.bernoulli(key, probability, (len(pixels), 1, 1, 1))
        return jnp.where(flipped, pixels[:, :, ::-1], pixels)

    return Deformation(retouch=retouch)


def cutout(length: int, value: float, shape: tuple[int, int, int]) -> Deformation:
    """Sets a square of length x length pixels to `value`; its centre is any pixel, so parts of it can lie outside.

    length: pixels, in [0, min(H, W)]. value: in [0, 255]; 127.5 becomes 0 in the inputs.
    Source: DeVries & Taylor 2017 (arXiv 1708.04552), section 3.1; length 16 for CIFAR-10.
    """
    sections.integer("length", length, f"[0, {min(shape[:2])}]")
    sections.number("value", value, "[0, 255]")
    height, width = shape[:2]

    def covered(key: jax.Array, count: int, size: int) -> jax.Array:
        first = jax.random.randint(key, (count, 1), 0, size) - length // 2
        position = jnp.arange(size)[None]
        return (position >= first) & (position < first + length)

    def retouch(key: jax.Array, pixels: jax.Array) -> jax.Array:
        rows, columns = jax.random.split(key)
        hole = covered(rows, len(pixels), height)[:, :, None] & covered(columns, len(pixels), width)[:, None]
        return jnp.where(hole[..., None], value, pixels)

    return Deformation(retouch=retouch)
