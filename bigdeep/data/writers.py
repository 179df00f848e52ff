"""Who wrote MNIST's digits, from the labels that the QMNIST project published, and splits by writer.

NIST collected the digits in series: hsf0 and hsf1 from Census employees, hsf4 from high-school students. No writer of
MNIST's test images wrote any of its training images, so a validation on writers that a net has not seen asks what the
test asks. Source of the files: facebookresearch/qmnist (BSD licence); Yadav & Bottou 2019 (arXiv 1905.10498).
"""

import hashlib
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bigdeep.data import files
from bigdeep.errors import require

SHA256 = {
    "qmnist-train-labels-idx2-int": "bb1b6e1ec7b04fd5696f1ed50b5f58f8ef195118edd5c93c81783df9740b8ac5",
    "qmnist-test-labels-idx2-int": "92d0ccb8c25f9c6534270fb4be7e1d24a1c6d315edfc8a638bfbd31c70f362dd",
}
SOURCE = "the files of github.com/facebookresearch/qmnist beside MNIST's own"
COLUMNS = 8  # class, series, writer, number within the writer, NIST class, number in the series, two unused


class Hands(NamedTuple):
    """Of each image, int (N,): series, 0 or 1 for employees, 4 for students; writer, unique over the series."""

    series: np.ndarray
    writer: np.ndarray


def read(folders: Sequence[pathlib.Path], labels: dict[str, np.ndarray]) -> dict[str, Hands]:
    """{"train": hands, "test": hands} of MNIST's images, from the first folder that holds the files.

    labels: {"train": (60000,), "test": (10000,)}, of the images, with which the files' own must agree.
    """
    hands = {}
    for split, (name, sha256) in zip(("train", "test"), SHA256.items(), strict=True):
        paths = [path for folder in folders for path in files.spellings(folder, name) if path.exists()]
        require(paths, f"{name}, for splits and errors by writer", "no such file", SOURCE)
        content = files.read(paths[0])
        found = hashlib.sha256(content).hexdigest()
        require(found == sha256, f"data file {paths[0]}", f"sha256 {found}", sha256)
        table = np.frombuffer(content, ">i4", offset=12).reshape(-1, COLUMNS)[: len(labels[split])]
        require(np.array_equal(table[:, 0], labels[split]), f"data file {paths[0]}", "other classes", "MNIST's")
        hands[split] = Hands(table[:, 1].astype(int), table[:, 2].astype(int))
    return hands


def held_out(hands: Hands, share: float, fold: int) -> np.ndarray:
    """bool (N,): whether an image is by one of the writers that a fold holds out.

    Of each kind of writer (employees, students) fold f holds out those from f share to (f + 1) share of their list, in
    the order of the sha256 of "series-writer": folds are disjoint, and the same for everybody.
    """
    chosen = np.zeros(len(hands.writer), bool)
    for students in (False, True):
        group = (hands.series == 4) == students
        pairs = sorted(
            {(int(s), int(w)) for s, w in zip(hands.series[group], hands.writer[group], strict=True)},
            key=lambda pair: hashlib.sha256(f"{pair[0]}-{pair[1]}".encode()).digest(),
        )
        first, last = (round(len(pairs) * share * end) for end in (fold, fold + 1))
        writers = [writer for _, writer in pairs[first:last]]
        chosen |= group & np.isin(hands.writer, writers)
    return chosen
