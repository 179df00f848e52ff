"""InfiMNIST: digits moved along the tangents of small smooth deformations, without resampling."""

import jax
import jax.numpy as jnp
import numpy as np

from bigdeep import sections
from bigdeep.augment import crop, elastic
from bigdeep.augment.deformation import Deformation


def infimnist(
    shape: tuple[int, int, int],
    alpha: float = 1.0,
    sigma: float = 4.0,
    tangent_sigma: float = 0.9,
    thickening: float = 0.0,
    translation: int = 1,
) -> Deformation:
    """First-order deformations: x' = clip(x + f_y t_y + f_x t_x + b |t|), cut to bytes, then a shift by whole pixels.

    t_y, t_x: derivatives of the image smoothed by a Gaussian of tangent_sigma; |t| = sqrt(t_y^2 + t_x^2) thickens or
    thins strokes; f_y, f_x: fresh random fields, noise smoothed by a Gaussian of sigma, independent;
    b ~ U[-thickening, thickening]. A first-order step: beyond about a pixel it brightens and smears, it does not bend.

    alpha: rms of a field far from the border, pixels, >= 0. sigma, tangent_sigma: pixels, > 0. thickening: pixels,
    >= 0. translation: each axis by one of -translation, …, translation pixels, all equally likely.
    Source: Loosli, Canu, Bottou 2007, "Training invariant support vector machines using selective sampling", section 3.
    The original draws from 1,522 stored fields of unknown amplitude; sigma, alpha and tangent_sigma here are ours.
    infimnist_original.py has the original's rule for its own files.
    """
    for name, value in {"alpha": alpha, "thickening": thickening}.items():
        sections.number(name, value, "[0, inf)")
    for name, value in {"sigma": sigma, "tangent_sigma": tangent_sigma}.items():
        sections.number(name, value, f"(0, {max(shape[:2])}]")
    sections.integer("translation", translation, f"[0, {min(shape[:2])}]")
    # Smoothed noise of variance 1 has the rms 1 / (2 sigma sqrt(pi)) far from the border.
    basis = jnp.asarray(alpha * 2 * sigma * np.sqrt(np.pi) * elastic.field_basis(shape[:2], sigma), jnp.float32)

    def replace(key: jax.Array, images: jax.Array, labels: jax.Array) -> jax.Array:
        field_key, key_b = jax.random.split(key)
        noise = elastic.two_normals(field_key, (len(images), len(basis)))
        f_y, f_x = (jnp.matmul(n, basis, precision="highest").reshape(-1, *shape[:2], 1) for n in noise)
        pixels = images.astype(jnp.float32)
        t_y, t_x = tangents(pixels, tangent_sigma)
        moved = pixels + f_y * t_y + f_x * t_x
        if thickening:
            b = jax.random.uniform(key_b, (len(images), 1, 1, 1), minval=-thickening, maxval=thickening)
            moved += b * jnp.sqrt(t_y**2 + t_x**2)
        return jnp.clip(moved, 0.0, 255.0).astype(jnp.uint8)

    return Deformation(replace=replace, linear=crop.crop(translation, shape).linear if translation else None)


def tangents(pixels: jax.Array, sigma: float) -> tuple[jax.Array, jax.Array]:
    """(d/dy, d/dx) of the smoothed images, float32 (B, H, W, C), in grey levels per pixel."""
    rows, columns = pixels.shape[1:3]
    smooth_y, smooth_x = (jnp.asarray(elastic.smoothing_matrix(n, sigma), jnp.float32) for n in (rows, columns))
    slope_y, slope_x = (jnp.asarray(derivative_matrix(n, sigma), jnp.float32) for n in (rows, columns))
    both = "ij,bjkc,lk->bilc"
    t_y = jnp.einsum(both, slope_y, pixels, smooth_x, precision="highest")
    return t_y, jnp.einsum(both, smooth_y, pixels, slope_x, precision="highest")


def derivative_matrix(size: int, sigma: float) -> np.ndarray:
    """float64 (size, size): the derivative of 1-D Gaussian smoothing, g'(d) = -d / sigma^2 g(d), zero outside."""
    distance = np.arange(size)[:, None] - np.arange(size)[None, :]
    return -distance / sigma**2 * elastic.smoothing_matrix(size, sigma)
