"""Affine distortion: rotation or shear by an angle that depends on the class, and scaling of each axis."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from bigdeep import config


def affine(
    rotation: Sequence[float], shear_share: float, scale: float, shape: tuple[int, int], classes: int
) -> Callable:
    """Scales both axes at random, then rotates by a random angle or shears by it, about the image's centre.

    The digit at p = (y, x) from the centre moves to R S p with S = diag(s_y, s_x), s ~ U[1 - scale, 1 + scale], and
    with a ~ U[-rotation, rotation] of the image's class R = rotation by a, counter-clockwise as seen, or, with
    probability shear_share, horizontal shear: x <- x + tan(a) y. So the image is sampled at (R S)^-1 p.

    rotation: degrees in [0, 90), one number for each class. shear_share: in [0, 1]. scale: in [0, 1).
    Returns displacement(key, labels) -> float32 (B, 2, H, W), in pixels, (d_y, d_x).
    Source: Cireşan et al. 2010 (arXiv 1003.0358), section 3: 15 degrees, 7.5 for the digits 1 and 7; scale 0.15-0.20.
    How often it sheared instead of rotating is not given there.
    """
    given = len(rotation) if isinstance(rotation, Sequence) else 0
    config.check(given == classes, "rotation", rotation, f"one angle for each of the {classes} classes")
    for angle in rotation:
        config.number("rotation", angle, 0.0, 89.0)
    config.number("shear_share", shear_share, 0.0, 1.0)
    config.number("scale", scale, 0.0, 0.99)
    limit = jnp.asarray(np.deg2rad(rotation), jnp.float32)
    y, x = (jnp.arange(size, dtype=jnp.float32) - (size - 1) / 2 for size in shape)
    y, x = y[None, :, None], x[None, None, :]

    def displacement(key: jax.Array, labels: jax.Array) -> jax.Array:
        draws = jax.random.uniform(key, (len(labels), 4), minval=-1.0, maxval=1.0).T
        angle, size_y, size_x = limit[labels] * draws[0], 1 + scale * draws[1], 1 + scale * draws[2]
        sheared = draws[3] < 2 * shear_share - 1
        cos, sin = jnp.where(sheared, 1.0, jnp.cos(angle)), jnp.where(sheared, 0.0, jnp.sin(angle))
        slant = jnp.where(sheared, -jnp.tan(angle), -sin)
        # (R S)^-1 - 1, row by row; R^-1 = [[cos, sin], [-sin, cos]] in (y, x), or [[1, 0], [-tan, 1]].
        yy, yx = cos / size_y - 1, sin / size_y
        xy, xx = slant / size_x, cos / size_x - 1
        rows = [(yy, yx), (xy, xx)]
        return jnp.stack([a[:, None, None] * y + b[:, None, None] * x for a, b in rows], axis=1)

    return displacement
