"""Photos and drawings of a digit, brought into MNIST's frame the way MNIST was made.

The ink is cut out, resampled to fit 20 x 20 pixels with its proportions kept, and its centre of mass put in the middle
of 28 x 28. Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", on how it was made of NIST's.
"""

import pathlib
from typing import NamedTuple

import numpy as np
import scipy.ndimage
from PIL import Image, ImageOps

from bigdeep.data import pictures
from bigdeep.errors import require

SIDE, BOX = 28, 20
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")
CONTRAST = 24  # of 255: less between paper and ink is a blank page
FAINT = 0.1  # of the strongest ink: less is paper
SPECK = 0.1  # parts with less ink than this share of the largest part's are dirt


class Digit(NamedTuple):
    """pixels: uint8 (28, 28), light on dark. doubt: why this may not be one digit, "" where nothing speaks against."""

    pixels: np.ndarray
    doubt: str


def read(path: pathlib.Path) -> Digit:
    """The digit in an image file; BadInput in one line where there is none to be read."""
    with pictures.opened(path) as image:
        return framed(_grey(image, path), str(path))


def _grey(image: Image.Image, path: pathlib.Path) -> np.ndarray:
    """An opened image as float32 (H, W), 0 to 255, turned upright, what is transparent filled with paper."""
    frames = getattr(image, "n_frames", 1)
    require(frames == 1, str(path), f"{frames} pictures in it", "one")
    require(image.mode in MODES, str(path), f"colours of the kind {image.mode}", "grey or RGB of 8 bits")
    image = ImageOps.exif_transpose(image)
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        both = np.asarray(image.convert("LA"), np.float32)
        grey, opaque = both[..., 0], both[..., 1] / 255
        require(opaque.max() > 0, str(path), "nothing but transparency", "a digit")
        return grey * opaque + pictures.paper(grey, opaque) * (1 - opaque)
    return np.asarray(image.convert("L"), np.float32)


def framed(grey: np.ndarray, what: str) -> Digit:
    """Grey values (H, W) of a digit of either polarity -> MNIST's frame; BadInput for a blank page.

    An image of 28 x 28 pixels with nothing but black at its edge is in the frame already, and stays as it is.
    """
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if grey.shape == (SIDE, SIDE) and not edge.any() and grey.any():
        return Digit(grey.astype(np.uint8), "")
    difference = grey - np.median(edge)
    light = difference.max() > -difference.min()
    ink = np.maximum(difference if light else -difference, 0)
    require(ink.max() >= CONTRAST, what, "a blank page", "a digit on it")
    inked = ink > _threshold(ink)
    parts, count = scipy.ndimage.label(inked, np.ones((3, 3)))
    amounts = scipy.ndimage.sum_labels(ink, parts, np.arange(1, count + 1))
    kept = np.isin(parts, 1 + np.flatnonzero(amounts >= SPECK * amounts.max()))
    fringe = max(1, round(np.sqrt(kept.sum()) / 8))  # pixels: strokes fade out at their edges
    whole = scipy.ndimage.binary_dilation(kept, np.ones((3, 3)), fringe, mask=ink > FAINT * ink.max())
    rows, columns = (np.flatnonzero(whole.any(axis=axis)) for axis in (1, 0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return Digit(_centred(np.where(whole, ink, 0)[box]), _doubt(kept, box, amounts, inked))


def _threshold(ink: np.ndarray) -> float:
    """Where ink begins: the value that splits all others into two groups as unlike as can be (Otsu 1979)."""
    counts, edges = np.histogram(ink, 64)
    weight, middles = np.cumsum(counts), (edges[:-1] + edges[1:]) / 2
    sums = np.cumsum(counts * middles)
    rest = weight[-1] - weight[:-1]
    apart = (sums[:-1] / weight[:-1] - (sums[-1] - sums[:-1]) / np.maximum(rest, 1)) ** 2
    return float(edges[1 + np.argmax(weight[:-1] * rest * apart)])


def _centred(ink: np.ndarray) -> np.ndarray:
    """Ink (h, w) -> uint8 (28, 28): its longer side 20 pixels, its strongest 255, its centre of mass at (14, 14)."""
    height, width = ink.shape
    scale = BOX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(ink.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
    small = small * (255 / small.max())
    middle = [(np.arange(n) * small.sum(axis=1 - axis)).sum() / small.sum() for axis, n in enumerate(small.shape)]
    frame = np.zeros((SIDE, SIDE), np.float32)
    top, left = (int(np.clip(round(SIDE / 2 - m), 0, SIDE - n)) for m, n in zip(middle, small.shape, strict=True))
    frame[top : top + small.shape[0], left : left + small.shape[1]] = small
    return np.rint(frame).astype(np.uint8)


def _doubt(kept: np.ndarray, box: tuple[slice, slice], amounts: np.ndarray, inked: np.ndarray) -> str:
    """What speaks against one digit in the middle of a clean page."""
    height, width = (side.stop - side.start for side in box)
    touching = kept[0].any() or kept[-1].any() or kept[:, 0].any() or kept[:, -1].any()
    if inked.mean() > 0.5:
        return "more ink than paper"
    if touching:
        return "it touches the edge: cut off, or a shadow"
    if width > 1.6 * height:
        return "wider than a digit: several in a row?"
    if np.sum(amounts >= SPECK * amounts.max()) > 4:
        return "many parts: a pattern, or several digits?"
    return ""
