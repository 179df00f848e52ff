r"""Counts the errors of trained nets exactly, in whole images.

  python -m bigdeep.evaluate --workdir=runs/mlp5                     the checkpoint with the best validation
  python -m bigdeep.evaluate --workdir=runs/mlp5,runs/mlp5-seed1     a committee: the mean of the probabilities
  python -m bigdeep.evaluate --workdir=runs/mlp5 --copies=16         beside it: each image with 16 deformed copies
  python -m bigdeep.evaluate --workdir=runs/fractalnet --column=1    of a FractalNet, its longest column alone

Prints one JSON object: dataset, members (the errors of each alone), test_errors, test_total, test_errors_halves; with
copies also averaged_test_errors and their halves, of the mean over an image and its deformed copies. With
--split=validation it is validation_errors and so on. --output keeps it as a record.
"""

import functools
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from bigdeep import augment, cli, experiment, runtime, writer
from bigdeep.errors import require


def count_errors(scores: np.ndarray, labels: np.ndarray) -> int:
    """The number of rows of scores (N, classes) whose largest entry is not the label's. Ties go to the lower class."""
    return int(np.sum(np.argmax(scores, axis=-1) != labels))


def halves(scores: np.ndarray, labels: np.ndarray) -> list[int]:
    """Errors in the first and in the second half of a split (MNIST's first 5,000 test digits are the easier ones)."""
    middle = len(labels) // 2
    return [count_errors(scores[:middle], labels[:middle]), count_errors(scores[middle:], labels[middle:])]


class Member(NamedTuple):
    """A run's selected net on a split: probabilities (N, classes) of the images alone and, with copies, averaged.

    split: the images (N, H, W, C) as the net sees them, and labels (N,). dataset: the data's name and sha256.
    run: name and seed of its config and state_sha256 of its final weights, where it finished.
    """

    scores: np.ndarray
    averaged: np.ndarray | None
    split: experiment.Split
    dataset: Mapping
    run: Mapping


def member(
    workdir: pathlib.Path, column: int | None = None, split: str = "test", copies: int = 0, strength: float = 1.0
) -> Member:
    """Class probabilities on a split by the checkpoint of a run with the best validation.

    column: of a FractalNet, the column to use alone; None for what it was trained as. split: "test" or "validation".
    copies: how many deformed copies of each image to average over beside the image itself; 0 for none.
    strength: of their deformations, which are those of the run's config. No label has a say in them: every image is
    deformed as one of class 0 is.
    """
    config = experiment.read_config(workdir)["config"]
    if column is not None:
        name = config["model"]["name"]
        require(name == "fractalnet", "--column", f"a run of the net {name!r}", "one of a fractalnet")
    built, state = experiment.selected(workdir, {} if column is None else {"column": column})
    chosen = {"test": built.test, "validation": built.validation}[split]

    @jax.jit
    def of_state(params: Any, model_state: Any, images: jax.Array) -> jax.Array:
        return jax.nn.softmax(built.logits(params, model_state, images))

    probabilities = functools.partial(of_state, state.params, state.model_state)

    scores, averaged = np.asarray(probabilities(chosen.images)), None
    if copies:
        deform = _deformed_bytes(config, built, strength)
        total = scores.astype(np.float64)
        for key in jax.random.split(jax.random.key(config["seed"]), copies):
            total += np.asarray(probabilities(deform(key, chosen.images)))
        averaged = total / (copies + 1)
    path = workdir / "result.json"
    result = json.loads(path.read_text()) if path.exists() else {}
    run = {key: result.get(key) for key in ("config", "seed", "state_sha256")}
    data = {"name": built.dataset.name, "sha256": built.dataset.sha256}
    return Member(scores, averaged, chosen, data, run)


def _deformed_bytes(config: Mapping, built: experiment.Experiment, strength: float) -> Callable:
    """(key, images) -> images, both uint8: deformed as in training, without regard to their labels."""
    shape = built.test.images.shape[1:]
    deformation = augment.build(config["augment"], shape, experiment.CLASSES, built.dataset.name)

    @jax.jit
    def deform(key: jax.Array, images: jax.Array) -> jax.Array:
        inputs = deformation(key, images, jnp.zeros(len(images), jnp.uint8), strength)
        return jnp.rint((inputs + 1.0) * 127.5).astype(jnp.uint8)

    return deform


def committee(members: Sequence[Member], folders: Sequence[str]) -> Member:
    """The mean of the members' probabilities; BadInput where they were trained on different data."""
    first = members[0]
    for folder, other in zip(folders, members, strict=True):
        found, expected = other.dataset, f"those of the first, {first.dataset}"
        require(found == first.dataset, f"data of --workdir {folder}", found, expected)
        same = np.array_equal(other.split.labels, first.split.labels)
        require(same, f"split of --workdir {folder}", "other images", "those of the first")
    scores = np.mean([each.scores for each in members], axis=0)
    averaged = None if first.averaged is None else np.mean([each.averaged for each in members], axis=0)
    return first._replace(scores=scores, averaged=averaged)


def from_flags() -> tuple[Member, list[Member]]:
    """The committee that --workdir, --column, --split, --copies and --strength ask for, and its members."""
    runtime.use_compilation_cache()
    options, given = flags.FLAGS, flags.FLAGS.flag_values_dict()
    how = {key: given[key] for key in ("column", "split", "copies", "strength") if key in given}
    members = [member(pathlib.Path(folder), **how) for folder in options.workdir]
    return committee(members, options.workdir), members


def counts(scores: np.ndarray, labels: np.ndarray, name: str) -> dict:
    """{name_errors, name_errors_halves} of scores (N, classes)."""
    return {f"{name}_errors": count_errors(scores, labels), f"{name}_errors_halves": halves(scores, labels)}


def main() -> None:
    """Prints the error counts of one run or of a committee."""
    options, output = flags.FLAGS, cli.output("output", ".json")
    whole, members = from_flags()
    labels, split = whole.split.labels, options.split
    alone = [{**each.run, f"{split}_errors": count_errors(each.scores, labels)} for each in members]
    record = {"dataset": whole.dataset["name"], "members": alone}
    record |= counts(whole.scores, labels, split) | {f"{split}_total": len(labels)}
    if whole.averaged is not None:
        record |= {"copies": options.copies, "strength": options.strength}
        record |= counts(whole.averaged, labels, f"averaged_{split}")
    print(json.dumps(record))
    if output:
        origin = {"device": runtime.device(), "versions": runtime.versions(), "git_commit": runtime.git_commit()}
        writer.write_json(output, record | {"data": whole.dataset} | origin)


if __name__ == "__main__":
    flags.DEFINE_list("workdir", None, "one run folder, or several with commas between them", required=True)
    flags.DEFINE_integer("column", None, "the column of a FractalNet to use alone, 1 is the longest; 0 for all")
    flags.DEFINE_enum("split", "test", ["test", "validation"], "which images")
    flags.DEFINE_integer("copies", 0, "deformed copies of each image to average over beside it", lower_bound=0)
    flags.DEFINE_float("strength", 1.0, "of the copies' deformations", lower_bound=0.0)
    flags.DEFINE_string("output", "", "file to keep the record in, for example results/committees/NAME.json")
    cli.run(main, __doc__)
