"""From `config.data` to the three splits of a data set: training, validation and test."""

import hashlib
import re
from typing import NamedTuple

import numpy as np

from bigdeep import data, sections
from bigdeep.data import pixels, writers
from bigdeep.errors import require


class Split(NamedTuple):
    """images: uint8 (N, H, W, C); labels: uint8 (N,)."""

    images: np.ndarray
    labels: np.ndarray


class Splits(NamedTuple):
    """A data set as a config asks for it. `validation` is `train` itself where nothing is held out.

    workers: processes that read the training images from the host; 0 where they lie on the devices.
    """

    dataset: data.Dataset
    train: Split
    validation: Split
    test: Split
    workers: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the images."""
        return self.train.images.shape[1:]


def splits(name: str, source: str, dir: str, size: int, validation: str, workers: int) -> Splits:
    """Reads the data set and splits it.

    name, source, dir: as `data.load` takes them. size: images are padded with background to size x size pixels, the
    smaller half of an odd margin first; pictures in folders are scaled to it (data/pictures.py). validation: "train"
    for the undeformed training set, as in the paper; "last:N" holds out its last N images; "random:N" N at random, the
    same for everybody; "writers:SHARE:FOLD" those of a share of its writers (MNIST, see data/writers.py). workers: as
    in Splits.
    """
    sections.integer("workers", workers, "[0, inf)")
    dataset = data.load(name, source, dir, size)
    sections.integer("size", size, f"[{dataset.train_images.shape[1]}, inf)")
    mask = held_out(dataset, dir, validation)

    def split(images: np.ndarray, labels: np.ndarray) -> Split:
        return Split(pixels.padded(images, size), labels)

    kept, out = _selection(~mask), _selection(mask)
    train = split(dataset.train_images[kept], dataset.train_labels[kept])
    validation_split = split(dataset.train_images[out], dataset.train_labels[out])
    test = split(dataset.test_images, dataset.test_labels)
    return Splits(dataset, train, validation_split if mask.any() else train, test, workers)


def _selection(mask: np.ndarray) -> np.ndarray | slice:
    """A mask as a slice where it is one: what that takes of an array is not copied, nor read from its file."""
    chosen = np.flatnonzero(mask)
    whole = len(chosen) and chosen[-1] - chosen[0] + 1 == len(chosen)
    return slice(chosen[0], chosen[-1] + 1) if whole else mask


def held_out(dataset: data.Dataset, dir: str, validation: str) -> np.ndarray:
    """bool (N,): which of the training images the validation holds out."""
    count = len(dataset.train_labels)
    match validation.split(":") if isinstance(validation, str) else None:
        case ["train"]:
            return np.zeros(count, bool)
        case ["last", number] if number.isdigit():
            sections.integer("validation, last", int(number), f"[1, {count - 1}]")
            return np.arange(count) >= count - int(number)
        case ["random", number] if number.isdigit():
            sections.integer("validation, random", int(number), f"[1, {count - 1}]")
            return _rank(count) < int(number)
        case ["writers", share, fold] if fold.isdigit() and re.fullmatch(r"0?\.\d+", share):
            most = int((1 + 1e-9) / float(share)) - 1 if float(share) else -1
            sections.integer("validation, fold", int(fold), f"[0, {most}]")
            return writers.held_out(hands(dataset, dir)["train"], float(share), int(fold))
    raise sections.BadValue(
        f'validation: found {validation!r}, expected "train", "last:N", "random:N" or "writers:SHARE:FOLD"'
    )


def _rank(count: int) -> np.ndarray:
    """int (count,): the place of each number from 0 to count - 1 in the order of the sha256 of its decimals."""
    order = sorted(range(count), key=lambda number: hashlib.sha256(str(number).encode()).digest())
    return np.argsort(order)


def hands_of(split: str, dataset: data.Dataset, dir: str, validation: str) -> writers.Hands:
    """Who wrote the images of the split "test" or "validation"."""
    known = hands(dataset, dir)
    if split == "test":
        return known["test"]
    mask = held_out(dataset, dir, validation)
    mask = mask if mask.any() else ~mask
    return writers.Hands(*(column[mask] for column in known["train"]))


def hands(dataset: data.Dataset, dir: str) -> dict[str, writers.Hands]:
    """Who wrote the training and the test images; BadInput where that is not known."""
    require(dataset.name == "mnist", "data by writer", dataset.name, "mnist, whose writers are known")
    labels = {"train": dataset.train_labels, "test": dataset.test_labels}
    return writers.read(data.folders("mnist", dir), labels)
