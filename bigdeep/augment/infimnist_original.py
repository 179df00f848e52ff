"""InfiMNIST's own numbering: digit number i, the same bytes for everyone who has the original's two data files.

0 … 9,999 are the test digits, 10,000 … 69,999 the training digits, and any number beyond is a deformed training digit.
"""

import pathlib
from typing import NamedTuple

import numpy as np

from bigdeep.errors import require

TEST, TRAIN, FIELDS, SIDE = 10_000, 60_000, 1522, 28
PIXELS = SIDE * SIDE
SHIFTS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1), (0, 0))  # up and left count as 1
FILES = {f"fields_float_{FIELDS}x28x28.bin": (FIELDS, PIXELS), f"tangVec_float_{TRAIN}x28x28.bin": (TRAIN, 2, PIXELS)}


class Original(NamedTuple):
    """fields: float32 (1522, 784); tangents: float32 (60000, 2, 784), of x and of y."""

    fields: np.ndarray
    tangents: np.ndarray


def read(directory: pathlib.Path) -> Original:
    """The original's two files, mapped, not loaded; raises BadInput where one is missing or has another size."""
    return Original(*(_read_floats(directory / name, shape) for name, shape in FILES.items()))


def _read_floats(path: pathlib.Path, shape: tuple[int, ...]) -> np.ndarray:
    require(path.is_file(), str(path), "no file", "the file of this name of the original InfiMNIST program")
    size = 4 * int(np.prod(shape))
    require(path.stat().st_size == size, str(path), f"{path.stat().st_size} bytes", f"{size} bytes, float32 {shape}")
    return np.memmap(path, "<f4", "r", shape=shape)


def label(index: int, test_labels: np.ndarray, train_labels: np.ndarray) -> int:
    """The label of digit number `index`."""
    return int(test_labels[index] if index < TEST else train_labels[(index - TEST) % TRAIN])


def image(index: int, test_images: np.ndarray, train_images: np.ndarray, original: Original) -> np.ndarray:
    """Digit number `index`, uint8 (28, 28), from the official images, uint8 (N, 28, 28[, 1]).

    x' = byte(clip(x + a (F_k1 t_x - F_k2 t_y))), cut and not rounded, in float32, then shifted by one of nine.
    k1 = (131071 i mod 2^32) mod 1521, k2 = (k1 + 1 + 2 i) mod 1522, a = -1 where k1 + k2 is odd, shift k1 mod 9.
    Source: Loosli, Canu, Bottou 2007; the index rule is that of the program infimnist.
    """
    if index < TEST + TRAIN:
        digits, number = (test_images, index) if index < TEST else (train_images, index - TEST)
        return digits[number].reshape(SIDE, SIDE).copy()
    k1 = index * 131071 % 2**32 % (FIELDS - 1)
    k2 = (k1 + 1 + 2 * index) % FIELDS
    number = (index - TEST) % TRAIN
    t_x, t_y = original.tangents[number]
    step = original.fields[k1] * t_x - original.fields[k2] * t_y
    moved = train_images[number].reshape(-1).astype(np.float32) + (-step if (k1 + k2) % 2 else step)
    return shifted(np.clip(moved, 0, 255).astype(np.uint8), k1 % 9).reshape(SIDE, SIDE)


def shifted(digit: np.ndarray, which: int) -> np.ndarray:
    """The original's nine translations of 784 bytes: up, down, left, right, the four pairs, none.

    Left and right shift the whole digit as one row of bytes, so a pixel can pass from a row to its neighbour, and
    clear the first or the second column. This is the original's behaviour, kept for the sake of the same bytes.
    """
    vertical, horizontal = SHIFTS[which]
    if vertical:
        digit = np.roll(digit, -vertical * SIDE)
        digit[slice(-SIDE, None) if vertical > 0 else slice(SIDE)] = 0
    if horizontal:
        digit = np.roll(digit, -horizontal)
        digit[0 if horizontal > 0 else 1 :: SIDE] = 0
        digit[-1 if horizontal > 0 else 0] = 0
    return digit
