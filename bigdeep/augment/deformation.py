"""What a deformation is made of: the stages of a batch on its way from bytes to inputs."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Linear(NamedTuple):
    """Displacements that are linear in a few numbers per image: d_y = c_y @ basis, d_x = c_x @ basis.

    basis: float (K, H * W), pixels. coefficients(key, labels) -> (c_y, c_x), float32 (B, K) each.
    All linear deformations of a list become one pair of matrix products, whatever their number.
    """

    basis: np.ndarray
    coefficients: Callable


class Fill(NamedTuple):
    """What lies outside the frame; `warp.bilinear` has the modes. value: in [0, 255]."""

    mode: str = "grid-constant"
    value: float = 0.0


class Deformation(NamedTuple):
    """What one section of `config.augment` does at each stage; None where it has no part.

    replace(key, images, labels) -> images, uint8 (B, H, W, C): other pictures, before anything else.
    linear, displace(key, labels) -> (d_y, d_x), float32 (B, H * W) each, pixels: where the pixels come from.
    retouch(key, pixels) -> pixels, float32 (B, H, W, C) in [0, 255]: what is done after resampling.
    fill: what resampling finds outside the frame; only one section of a list can choose it.
    """

    replace: Callable | None = None
    linear: Linear | None = None
    displace: Callable | None = None
    retouch: Callable | None = None
    fill: Fill | None = None
