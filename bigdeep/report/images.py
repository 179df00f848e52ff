"""Arrays as pictures within a page: PNG, as data: addresses."""

import base64
import io

import numpy as np
from PIL import Image


def png(pixels: np.ndarray) -> str:
    """uint8 (H, W), (H, W, 1) or (H, W, 3) -> "data:image/png;base64,…"."""
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def grid(images: np.ndarray, columns: int, gap: int = 1, paper: int = 0) -> np.ndarray:
    """uint8 (N, H, W, C) -> (rows (H + gap) - gap, columns (W + gap) - gap, C), row by row."""
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    cells = np.full((rows * columns, height + gap, width + gap, channels), paper, np.uint8)
    cells[:count, :height, :width] = images
    whole = cells.reshape(rows, columns, height + gap, width + gap, channels).swapaxes(1, 2)
    return whole.reshape(rows * (height + gap), columns * (width + gap), channels)[: -gap or None, : -gap or None]


def signed(weights: np.ndarray) -> np.ndarray:
    """Weights (U, H, W, C) -> uint8 (U, H, W, 3): each on its own scale, 0 white, positive blue, negative red.

    Colour channels are averaged.
    """
    values = weights.astype(np.float32).mean(axis=3)
    scale = np.maximum(np.abs(values).max(axis=(1, 2), keepdims=True), 1e-12)
    share = values / scale
    strength = np.abs(share)[..., None]
    colour = np.where((share > 0)[..., None], np.array([33, 102, 172]), np.array([178, 24, 43]))
    return np.rint(255 * (1 - strength) + colour * strength).astype(np.uint8)
