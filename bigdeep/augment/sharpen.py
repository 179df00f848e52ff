"""Sharpening: gives resampled images the sharpness of undeformed ones."""

import jax
import jax.numpy as jnp

from bigdeep import compiler, sections
from bigdeep.augment.deformation import Deformation


def sharpen(amount: float) -> Deformation:
    """Subtracts `amount` times the discrete Laplacian: x <- clip(x + amount (4 x - sum of the four neighbours)).

    A bilinear sample at the fraction f between two pixels blurs along that axis with the variance f (1 - f) px^2, 1/6
    on average, while undeformed images, which nets are judged on, are not blurred at all. This kernel has the variance
    -2 amount along each axis: 1/12 makes up for it. Outside the frame all is black.

    amount: >= 0; 0 changes nothing. The result is cut to [0, 255]. `config.strength` does not scale it: where that
    is 0, nothing is resampled, and images come out sharper than they were.
    Source: the paper has no such step; docs/lab-notebook.md, round 7, for what it gains.
    """
    sections.number("amount", amount, "[0, inf)")

    def retouch(_: jax.Array, pixels: jax.Array) -> jax.Array:
        batch, height, width, channels = pixels.shape
        rows = compiler.computed_once(pixels).reshape(batch, height, width * channels)
        framed = jnp.pad(rows, ((0, 0), (1, 1), (channels, channels)))
        beside = framed[:, 1:-1, : -2 * channels] + framed[:, 1:-1, 2 * channels :]
        around = framed[:, :-2, channels:-channels] + framed[:, 2:, channels:-channels] + beside
        return jnp.clip(rows + amount * (4.0 * rows - around), 0.0, 255.0).reshape(pixels.shape)

    return Deformation(retouch=retouch)
