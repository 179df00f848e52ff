"""Elastic distortion: smooth random displacement fields."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from bigdeep import sections
from bigdeep.augment.deformation import Deformation, Linear

RANK_TOLERANCE = 1e-3  # field components weaker than this share of the strongest are left out


def elastic(alpha: float, sigma: float, shape: tuple[int, int, int]) -> Deformation:
    """Simard's elastic distortion: per-pixel noise, smoothed by a Gaussian, times alpha; d_y and d_x independent.

    d = alpha * (K_H n K_W^T), n i.i.d. of variance 1/3 (that of U[-1, 1]), K the Gaussian smoothing matrices.
    K_H n K_W^T has a rank far below H * W: K = U S V^T gives sum_ij s_i s_j e_ij u_i u_j^T with i.i.d. e_ij, of which
    the components above RANK_TOLERANCE are kept. So a field is a few dozen normal numbers times a fixed basis. The
    e_ij are drawn as normal numbers: each is a weighted sum of hundreds of n, and normal by the central limit theorem.

    alpha: pixels, >= 0. sigma: pixels, in (0, max(H, W)]. Amplitude: alpha / (2 sigma sqrt(3 pi)) pixels rms per axis
    far from the border, less near it, since the noise outside the frame counts as zero.
    Source: Simard, Steinkraus, Platt 2003, section 2; Cireşan et al. 2010 (arXiv 1003.0358), section 3, sigma 5-6,
    alpha 36-38.
    Elsewhere: scipy alpha * gaussian_filter(uniform(-1, 1, shape), sigma, mode="constant"); dm_pix.elastic_deformation
    and albumentations.ElasticTransform take alpha and sigma as here; torchvision takes 2 alpha, since
    its alpha counts half pixels.
    """
    sections.number("alpha", alpha, "[0, inf)")
    sections.number("sigma", sigma, f"(0, {max(shape[:2])}]")
    basis = alpha / np.sqrt(3.0) * field_basis(shape[:2], sigma)

    def coefficients(key: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        return two_normals(key, (len(labels), len(basis)))

    return Deformation(linear=Linear(basis, coefficients))


def two_normals(key: jax.Array, shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """Two arrays of independent normal numbers, float32, each from 16 random bits: 65,536 quantiles, up to 4.32.

    Half the random bits of jax.random.normal: drawing them takes a noticeable share of the whole deformation's time.
    """
    bits = jax.random.bits(key, shape, jnp.uint32)
    halves = (bits & 0xFFFF, bits >> 16)
    y, x = (math.sqrt(2.0) * jax.lax.erf_inv((half.astype(jnp.float32) + 0.5) / 2**15 - 1) for half in halves)
    return y, x


def field_basis(shape: tuple[int, int], sigma: float) -> np.ndarray:
    """float64 (K, H * W): the components of white noise after Gaussian smoothing, strongest first."""
    (u, s), (v, t) = (np.linalg.svd(smoothing_matrix(size, sigma))[:2] for size in shape)
    strength = np.outer(s, t)
    i, j = np.nonzero(strength > RANK_TOLERANCE * strength.max())
    order = np.argsort(-strength[i, j], kind="stable")
    return np.stack([np.outer(u[:, a] * s[a], v[:, b] * t[b]).ravel() for a, b in zip(i[order], j[order], strict=True)])


def smoothing_matrix(size: int, sigma: float) -> np.ndarray:
    """float64 (size, size): 1-D Gaussian smoothing cut off at 4 sigma, zero outside, as scipy's mode "constant"."""
    reach = int(4.0 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    distance = np.arange(size)[:, None] - np.arange(size)[None, :]
    weights = np.exp(-0.5 * (distance / sigma) ** 2) / kernel.sum()
    return np.where(np.abs(distance) <= reach, weights, 0.0)
