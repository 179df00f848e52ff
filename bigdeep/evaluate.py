r"""Counts the errors of trained nets exactly, in whole images.

  python -m bigdeep.evaluate --workdir=runs/mlp5                     the checkpoint with the best validation
  python -m bigdeep.evaluate --workdir=runs/mlp5,runs/mlp5-seed1     a committee: the mean of the probabilities

Prints one JSON object: dataset, test_errors, test_total, test_errors_halves.
"""

import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from absl import flags

from bigdeep import checkpoint, cli, experiment, runtime, step, writer
from bigdeep.errors import BadInput, require


def count_errors(scores: np.ndarray, labels: np.ndarray) -> int:
    """The number of rows of scores (N, classes) whose largest entry is not the label's. Ties go to the lower class."""
    return int(np.sum(np.argmax(scores, axis=-1) != labels))


def halves(scores: np.ndarray, labels: np.ndarray) -> list[int]:
    """Errors in the first and in the second half of a split (MNIST's first 5,000 test digits are the easier ones)."""
    middle = len(labels) // 2
    return [count_errors(scores[:middle], labels[:middle]), count_errors(scores[middle:], labels[middle:])]


def best_row(rows: Sequence[Mapping]) -> Mapping | None:
    """The row of metrics with the fewest validation errors, the latest of equals; the test set has no say."""
    return min(
        (r for r in rows if "validation_errors" in r), key=lambda r: (r["validation_errors"], -r["step"]), default=None
    )


class Member(NamedTuple):
    """A run's selected net on the test split: probabilities (N, classes), labels (N,), the data's name and sha256."""

    scores: np.ndarray
    labels: np.ndarray
    dataset: Mapping


def member(workdir: pathlib.Path) -> Member:
    """Class probabilities on the test split by the checkpoint of a run with the best validation."""
    built, net = selected(workdir)
    scores = np.asarray(jax.nn.softmax(net(built.test.images)))
    return Member(scores, built.test.labels, {"name": built.dataset.name, "sha256": built.dataset.sha256})


def selected(workdir: pathlib.Path) -> tuple[experiment.Experiment, Callable]:
    """A run, and its net at best validation: images, uint8 (N, H, W, C) of the config's size -> logits (N, classes).

    Raises BadInput where the data found now are not those it was trained on.
    """
    record = read_config(workdir)
    built = experiment.build(record["config"])
    found = {"name": built.dataset.name, "sha256": built.dataset.sha256}
    require(found == record["dataset"], f"data of --workdir {workdir}", found, f"those of the run, {record['dataset']}")
    best = best_row(writer.read_rows(workdir / "metrics.jsonl"))
    require(best is not None, f"--workdir {workdir}", "no evaluation in metrics.jsonl", "a run that got to its first")
    folder = workdir.absolute() / "checkpoints" / str(best["step"])
    try:
        state = checkpoint.load(folder, abstract_state(built))
    except checkpoint.Damaged as damage:
        raise BadInput(f"checkpoint {folder}: found it {damage}, expected an intact one") from None
    logits = jax.jit(built.logits)
    return built, lambda images: logits(state.params, state.model_state, images)


def abstract_state(built: experiment.Experiment) -> step.State:
    """Shapes, types and shardings of a run's state: replicated on all devices."""
    sharding = runtime.replicated(runtime.mesh())
    shapes = jax.eval_shape(built.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), shapes)


def read_config(workdir: pathlib.Path) -> dict:
    """config.json of a run folder: {"config": …, "dataset": {"name", "sha256"}}; never executed."""
    path = workdir / "config.json"
    require(path.exists(), f"--workdir {workdir}", "no config.json", "a folder that a run was trained in")
    return json.loads(path.read_text())


def main() -> None:
    """Prints the error counts of one run or of a committee."""
    runtime.use_compilation_cache()
    folders = flags.FLAGS.workdir
    members = [member(pathlib.Path(folder)) for folder in folders]
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
    cli.run(main, __doc__)
