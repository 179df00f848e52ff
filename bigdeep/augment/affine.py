"""Affine distortion: rotation or shear by an angle that depends on the class, scaling of each axis, translation."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from bigdeep import sections
from bigdeep.augment.deformation import Deformation, Linear


def affine(
    rotation: float | Sequence[float],
    shear_share: float,
    scale: float,
    translation: float,
    shape: tuple[int, int, int],
    classes: int,
) -> Deformation:
    """Scales both axes at random, rotates by a random angle or shears by it, about the image's centre, and shifts.

    The digit at p = (y, x) from the centre moves to R S (p + t) with S = diag(s_y, s_x), s ~ U[1 - scale, 1 + scale],
    t ~ U[-translation, translation] for each axis, and with a ~ U[-rotation, rotation] of the image's class
    R = rotation by a, counter-clockwise as seen, or, with probability shear_share, horizontal shear:
    x <- x + tan(a) y. So the image is sampled at (R S)^-1 p - t.

    rotation: degrees in [0, 90), one number, or one for each class. shear_share: in [0, 1]. scale: in [0, 1).
    translation: pixels, >= 0.
    Source: Cireşan et al. 2010 (arXiv 1003.0358), section 3: 15 degrees, 7.5 for the digits 1 and 7; scale 0.15-0.20;
    no translation. How often it sheared instead of rotating is not given there.
    Elsewhere: torchvision.transforms.RandomAffine(degrees=rotation, translate=(translation / W, translation / H)); its
    scale is one factor for both axes, its shear comes on top of the rotation.
    """
    angles = list(rotation) if isinstance(rotation, Sequence) else [rotation] * classes
    fits = len(angles) == classes and not isinstance(rotation, str)
    sections.check(fits, "rotation", rotation, f"one angle, or one for each of the {classes} classes")
    for angle in angles:
        sections.number("rotation", angle, "[0, 90)")
    sections.number("shear_share", shear_share, "[0, 1]")
    sections.number("scale", scale, "[0, 1)")
    sections.number("translation", translation, "[0, inf)")
    limit = jnp.asarray(np.deg2rad(angles), jnp.float32)

    def coefficients(key: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        drawn = jax.random.uniform(key, (len(labels), 6), minval=-1.0, maxval=1.0)
        draws = [drawn[:, i] for i in range(6)]
        angle, size_y, size_x = limit[labels] * draws[0], 1 + scale * draws[1], 1 + scale * draws[2]
        sheared = draws[3] < 2 * shear_share - 1
        cos, sin = jnp.where(sheared, 1.0, jnp.cos(angle)), jnp.where(sheared, 0.0, jnp.sin(angle))
        slant = jnp.where(sheared, -jnp.tan(angle), -sin)
        # (R S)^-1 - 1, row by row; R^-1 = [[cos, sin], [-sin, cos]] in (y, x), or [[1, 0], [-tan, 1]].
        of_y = jnp.stack([-translation * draws[4], cos / size_y - 1, sin / size_y], axis=1)
        of_x = jnp.stack([-translation * draws[5], slant / size_x, cos / size_x - 1], axis=1)
        return of_y, of_x

    return Deformation(linear=Linear(affine_basis(shape[:2]), coefficients))


def affine_basis(shape: tuple[int, int]) -> np.ndarray:
    """float64 (3, H * W): 1, y and x of each pixel, in pixels from the image's centre."""
    y, x = np.indices(shape, float) - (np.array(shape).reshape(2, 1, 1) - 1) / 2
    return np.stack([np.ones_like(y), y, x]).reshape(3, -1)
