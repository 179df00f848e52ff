r"""Counts the errors of trained nets exactly, in whole images.

  python -m bigdeep.evaluate --workdir=runs/mlp5                     the checkpoint with the best validation
  python -m bigdeep.evaluate --workdir=runs/mlp5,runs/mlp5-seed1     a committee: the mean of the probabilities
  python -m bigdeep.evaluate --workdir=runs/fractalnet --column=1    of a FractalNet, its longest column alone

Prints one JSON object: dataset, test_errors, test_total, test_errors_halves.
"""

import json
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np
from absl import flags

from bigdeep import cli, experiment, runtime
from bigdeep.errors import require


def count_errors(scores: np.ndarray, labels: np.ndarray) -> int:
    """The number of rows of scores (N, classes) whose largest entry is not the label's. Ties go to the lower class."""
    return int(np.sum(np.argmax(scores, axis=-1) != labels))


def halves(scores: np.ndarray, labels: np.ndarray) -> list[int]:
    """Errors in the first and in the second half of a split (MNIST's first 5,000 test digits are the easier ones)."""
    middle = len(labels) // 2
    return [count_errors(scores[:middle], labels[:middle]), count_errors(scores[middle:], labels[middle:])]


class Member(NamedTuple):
    """A run's selected net on the test split: probabilities (N, classes), labels (N,), the data's name and sha256."""

    scores: np.ndarray
    labels: np.ndarray
    dataset: Mapping


def member(workdir: pathlib.Path, column: int | None) -> Member:
    """Class probabilities on the test split by the checkpoint of a run with the best validation.

    column: of a FractalNet, the column to use alone; None for what it was trained as.
    """
    if column is not None:
        name = experiment.read_config(workdir)["config"]["model"]["name"]
        require(name == "fractalnet", "--column", f"a run of the net {name!r}", "one of a fractalnet")
    built, state = experiment.selected(workdir, {} if column is None else {"column": column})
    logits = jax.jit(built.logits)(state.params, state.model_state, built.test.images)
    scores = np.asarray(jax.nn.softmax(logits))
    return Member(scores, built.test.labels, {"name": built.dataset.name, "sha256": built.dataset.sha256})


def main() -> None:
    """Prints the error counts of one run or of a committee."""
    runtime.use_compilation_cache()
    folders = flags.FLAGS.workdir
    members = [member(pathlib.Path(folder), flags.FLAGS.column) for folder in folders]
    dataset, labels = members[0].dataset, members[0].labels
    for folder, other in zip(folders, members, strict=True):
        require(
            other.dataset == dataset, f"data of --workdir {folder}", other.dataset, f"those of the first, {dataset}"
        )
    scores = np.mean([each.scores for each in members], axis=0)
    counts = {"test_errors": count_errors(scores, labels), "test_total": len(labels)}
    print(json.dumps({"dataset": dataset["name"], **counts, "test_errors_halves": halves(scores, labels)}))


if __name__ == "__main__":
    flags.DEFINE_list("workdir", None, "one run folder, or several with commas between them", required=True)
    flags.DEFINE_integer("column", None, "the column of a FractalNet to use alone, 1 is the longest; 0 for all")
    cli.run(main, __doc__)
