"""From `config.data` to the three splits of a data set: training, validation and test."""

from typing import NamedTuple

import numpy as np

from bigdeep import config, data
from bigdeep.data import pixels


class Split(NamedTuple):
    """images: uint8 (N, H, W, C); labels: uint8 (N,)."""

    images: np.ndarray
    labels: np.ndarray


class Splits(NamedTuple):
    """A data set as a config asks for it. `validation` is `train` itself where nothing is held out."""

    dataset: data.Dataset
    train: Split
    validation: Split
    test: Split

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the images."""
        return self.train.images.shape[1:]


def splits(name: str, source: str, dir: str, size: int, validation: int) -> Splits:
    """Reads the data set and splits it.

    name, source, dir: as `data.load` takes them. size: images are padded with background to size x size pixels, the
    smaller half of an odd margin first. validation: 0 takes the undeformed training set, as the paper does; n > 0 holds
    out its last n images.
    """
    dataset = data.load(name, source, dir)
    count, height = dataset.train_images.shape[:2]
    config.integer("size", size, f"[{height}, inf)")
    config.integer("validation", validation, f"[0, {count - 1}]")

    def split(images: np.ndarray, labels: np.ndarray) -> Split:
        return Split(pixels.padded(images, size), labels)

    kept = count - validation
    train = split(dataset.train_images[:kept], dataset.train_labels[:kept])
    held_out = split(dataset.train_images[kept:], dataset.train_labels[kept:])
    test = split(dataset.test_images, dataset.test_labels)
    return Splits(dataset, train, held_out if validation else train, test)
