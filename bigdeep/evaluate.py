r"""Counts the errors of trained nets exactly, in whole images.

  python -m bigdeep.evaluate --workdir=runs/mlp5                     the checkpoint with the best validation
  python -m bigdeep.evaluate --workdir=runs/mlp5,runs/mlp5-seed1     a committee: the mean of the probabilities
  python -m bigdeep.evaluate --workdir=runs/mlp5 --copies=16         beside it: each image with 16 deformed copies
  python -m bigdeep.evaluate --workdir=runs/fractalnet --config.model.column=1       its longest column alone
  python -m bigdeep.evaluate --workdir=runs/mlp5 --by=writer         how many hands the errors come from (MNIST)

Prints one JSON object: dataset, members (the errors of each alone), test_errors, test_total, test_errors_halves; with
copies also averaged_test_errors and their halves, of the mean over an image and its deformed copies. With
--split=validation it is validation_errors and so on. --by=series adds {series: [errors, images]}, of students (4) and
employees (0 and 1); --by=writer adds the writers with errors, [writer, errors, images] each, most errors first.
--output keeps it as a record.
"""

import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from bigdeep import augment, cli, data, sections, step
from bigdeep.data import pixels, writers
from bigdeep.data import splits as datasets
from bigdeep.errors import require
from bigdeep.run import files, folder, machine


def count_errors(scores: np.ndarray, labels: np.ndarray) -> int:
    """The number of rows of scores (N, classes) whose largest entry is not the label's. Ties go to the lower class."""
    return int(np.sum(np.argmax(scores, axis=-1) != labels))


def halves(scores: np.ndarray, labels: np.ndarray) -> list[int]:
    """Errors in the first and in the second half of a split.

    Of MNIST's test digits the first half, by students, is the harder one; the second is by employees.
    """
    middle = len(labels) // 2
    return [count_errors(scores[:middle], labels[:middle]), count_errors(scores[middle:], labels[middle:])]


def counts(scores: np.ndarray, labels: np.ndarray, name: str) -> dict:
    """{name_errors, name_errors_halves} of scores (N, classes)."""
    return {f"{name}_errors": count_errors(scores, labels), f"{name}_errors_halves": halves(scores, labels)}


class Member(NamedTuple):
    """A run's selected net on a split: probabilities (N, classes) of the images alone and, with copies, averaged.

    split: the images (N, H, W, C) as the net sees them, and labels (N,). dataset: the data's name and sha256.
    run: name and seed of its config and state_sha256 of its final weights, where it finished.
    """

    scores: np.ndarray
    averaged: np.ndarray | None
    split: datasets.Split
    dataset: Mapping
    run: Mapping


def member(
    workdir: pathlib.Path,
    split: str = "test",
    copies: int = 0,
    strength: float = 1.0,
    model: Mapping | None = None,
) -> Member:
    """Class probabilities on a split by the checkpoint of a run with the best validation.

    split: "test" or "validation". copies: how many deformed copies of each image to average over beside the image
    itself; 0 for none. strength: of their deformations, which are those of the run's config. Labels are not used: every
    image is deformed as class 0. model: as folder.net takes it.
    """
    net = folder.net(workdir, model)
    splits = splits_of(net, workdir)
    chosen = {"test": splits.test, "validation": splits.validation}[split]

    @jax.jit
    def softmax(params: Any, model_state: Any, images: jax.Array) -> jax.Array:
        return jax.nn.softmax(net.logits(params, model_state, images))

    def probabilities(images: np.ndarray) -> np.ndarray:
        return np.concatenate([np.asarray(softmax(net.params, net.model_state, x)) for x in step.parts(images)])

    scores, averaged = probabilities(chosen.images), None
    if copies:
        deform = deformed_copies(net, strength)
        total = scores.astype(np.float64)
        for key in jax.random.split(jax.random.key(net.config["seed"]), copies):
            total += probabilities(np.asarray(deform(key, jnp.asarray(chosen.images))))
        averaged = total / (copies + 1)
    result = folder.read_result(workdir)
    run = {"config": net.config["name"], "seed": net.config["seed"], "state_sha256": result.get("state_sha256")}
    run |= {"model": dict(model)} if model else {}
    return Member(scores, averaged, chosen, {key: net.dataset[key] for key in ("name", "sha256")}, run)


def splits_of(net: folder.Net, workdir: pathlib.Path) -> datasets.Splits:
    """The data that a net was trained on, read again; BadInput where those found now are others."""
    section = data_section(net.config, net.cwd)
    splits = sections.call(f"{workdir}/config.json: config.data", datasets.splits, section)
    found = {"name": splits.dataset.name, "sha256": splits.dataset.sha256}
    expected = {key: net.dataset[key] for key in found}
    require(found == expected, f"data of --workdir {workdir}", found, f"those of the run, {expected}")
    return splits


def data_section(config: Mapping, cwd: str) -> dict:
    """A run's `config.data`, its relative dir from where the run was started; "" where that folder is gone."""
    section = {"workers": 0, **config["data"]}  # nets of before 0.3 do not say it
    if section["dir"]:
        place = pathlib.Path(cwd, section["dir"]).expanduser()
        section["dir"] = str(place) if place.is_dir() else ""
    return section


def deformed_copies(net: folder.Net, strength: float) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """(key, images) -> images, both uint8: deformed as in training, without regard to their labels."""
    shape, classes, name = (net.dataset[key] for key in ("shape", "classes", "name"))
    deformation = augment.build(net.config["augment"], shape, classes, name)

    @jax.jit
    def deform(key: jax.Array, images: jax.Array) -> jax.Array:
        return pixels.to_bytes(deformation(key, images, jnp.zeros(len(images), jnp.uint8), strength))

    return deform


def committee(members: Sequence[Member], folders: Sequence[pathlib.Path]) -> Member:
    """The mean of the members' probabilities; BadInput where they were trained on different data."""
    first = members[0]
    for workdir, other in zip(folders, members, strict=True):
        found, expected = other.dataset, f"those of the first, {first.dataset}"
        require(found == first.dataset, f"data of --workdir {workdir}", found, expected)
        same = np.array_equal(other.split.labels, first.split.labels)
        require(same, f"split of --workdir {workdir}", "other images", "those of the first")
    scores = np.mean([each.scores for each in members], axis=0)
    copies = [each.averaged for each in members if each.averaged is not None]
    averaged = np.mean(copies, axis=0) if copies else None
    return first._replace(scores=scores, averaged=averaged)


def by_hand(scores: np.ndarray, labels: np.ndarray, hands: writers.Hands, by: str) -> dict:
    """{"by_series": {series: [errors, images]}}, and for "writer" [[writer, errors, images], …] and how many there are.

    by_writer: those with errors, most errors first. writers: all of them.
    """
    wrong = np.argmax(scores, axis=-1) != labels

    def counted(column: np.ndarray) -> dict[int, list[int]]:
        return {int(v): [int(wrong[column == v].sum()), int((column == v).sum())] for v in np.unique(column)}

    found = {"by_series": counted(hands.series)}
    if by == "series":
        return found
    all_hands = counted(hands.writer)
    rows = sorted(([hand, *counts] for hand, counts in all_hands.items() if counts[0]), key=lambda r: (-r[1], r[0]))
    return found | {"by_writer": rows, "writers": len(all_hands)}


def main() -> None:
    """Prints the error counts of one run or of a committee."""
    options, output = flags.FLAGS, cli.optional_output("output", ".json")
    split, copies, strength = options.split, options.copies, options.strength
    require(np.isfinite(strength), "--strength", strength, "a finite number")
    machine.select(options.platform)
    machine.prepare(options.platform)
    folders = cli.folders(options.workdir)
    model = cli.overrides("config.model")
    members = [member(path, split, copies, strength, model) for path in folders]
    whole = committee(members, folders)
    labels = whole.split.labels
    alone = [{**each.run, f"{split}_errors": count_errors(each.scores, labels)} for each in members]
    record = {"kind": "committee", "dataset": whole.dataset["name"], "members": alone}
    record |= counts(whole.scores, labels, split) | {f"{split}_total": len(labels)}
    if whole.averaged is not None:
        record |= {"copies": copies, "strength": strength} | counts(whole.averaged, labels, f"averaged_{split}")
    if options.by:
        stored = folder.read_config(folders[0])
        section = data_section(stored["config"], stored.get("cwd", ""))
        dataset = data.load(section["name"], section["source"], section["dir"])
        hands = datasets.hands_of(split, dataset, section["dir"], section["validation"])
        record |= by_hand(whole.scores, labels, hands, options.by)
    print(json.dumps(record))
    if output:
        files.write_json(output, record | {"data": whole.dataset} | machine.origin())


if __name__ == "__main__":
    cli.define_platform()
    flags.DEFINE_string("workdir", None, "one run folder, or several with commas between them", required=True)
    flags.DEFINE_enum("split", "test", ["test", "validation"], "which images")
    flags.DEFINE_enum("by", None, ["series", "writer"], "errors by who wrote the digits, too")
    flags.DEFINE_integer("copies", 0, "deformed copies of each image to average over beside it", lower_bound=0)
    flags.DEFINE_float("strength", 1.0, "of the copies' deformations", lower_bound=0.0)
    flags.DEFINE_string("output", "", "file to keep the record in, runs/NAME.json say")
    cli.run(main, __doc__, overrides=True)
