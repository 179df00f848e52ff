r"""Counts the errors of trained nets exactly, in whole images.

  python -m bigdeep.evaluate --workdir=runs/mlp5                     the checkpoint with the best validation
  python -m bigdeep.evaluate --workdir=runs/mlp5,runs/mlp5-seed1     a committee: the mean of the probabilities

Prints one JSON object: test_errors, test_total, test_errors_halves.
"""

import json
import pathlib
from collections.abc import Mapping, Sequence

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


def probabilities(workdir: pathlib.Path) -> tuple[np.ndarray, experiment.Split]:
    """Class probabilities (N, classes) on the test split by a run's selected checkpoint, and the split."""
    config = read_config(workdir)
    built = experiment.build(config)
    best = best_row(writer.read_rows(workdir / "metrics.jsonl"))
    require(best is not None, f"--workdir {workdir}", "no evaluation in metrics.jsonl", "a run that got to its first")
    abstract = abstract_state(built)
    folder = workdir.absolute() / "checkpoints" / str(best["step"])
    try:
        state = checkpoint.load(folder, abstract)
    except checkpoint.Damaged as damage:
        raise BadInput(f"checkpoint {folder}: found it {damage}, expected an intact one") from None
    logits = jax.jit(built.logits)(state.params, state.model_state, built.test.images)
    return np.asarray(jax.nn.softmax(logits)), built.test


def abstract_state(built: experiment.Experiment) -> step.State:
    """Shapes, types and shardings of a run's state: replicated on all devices."""
    sharding = runtime.replicated(runtime.mesh())
    shapes = jax.eval_shape(built.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), shapes)


def read_config(workdir: pathlib.Path) -> dict:
    """The config of a run folder, as plain JSON; never executed."""
    path = workdir / "config.json"
    require(path.exists(), f"--workdir {workdir}", "no config.json", "a folder that a run was trained in")
    return json.loads(path.read_text())["config"]


def main() -> None:
    """Prints the error counts of one run or of a committee."""
    runtime.use_compilation_cache()
    members = [probabilities(pathlib.Path(folder)) for folder in flags.FLAGS.workdir]
    scores, labels = np.mean([scores for scores, _ in members], axis=0), members[0][1].labels
    counts = {"test_errors": count_errors(scores, labels), "test_total": len(labels)}
    print(json.dumps({**counts, "test_errors_halves": halves(scores, labels)}))


if __name__ == "__main__":
    flags.DEFINE_list("workdir", None, "one run folder, or several with commas between them", required=True)
    cli.run(main, __doc__)
