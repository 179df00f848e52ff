"""A run's folder, and the way back from it: the net that a run selected, without its data, loss or optimizer.

Wherever such a folder is taken, a net in a file (netfile.py) and "pretrained:NAME" serve as well.
"""

import pathlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

from bigdeep import models, step
from bigdeep.errors import BadInput, require, tell
from bigdeep.place import absolute, in_bucket, place
from bigdeep.run import journal, layout, netfile, pretrained, record


class Net(NamedTuple):
    """A trained net. logits(params, model_state, images uint8 (N, H, W, C)) -> (N, classes), pure, ready to jit.

    config: the run's; dataset: {name, sha256, shape, classes, names} of the images it was trained on; cwd: where the
    command that trained it was started; step: of the checkpoint; temperature: the T for which
    softmax(logits / T) is as sure as it is right (findings.temperature), 1 where the run has not finished.
    """

    model: models.Model
    params: Any
    model_state: Any
    logits: Callable
    config: dict
    dataset: dict
    cwd: str
    step: int
    temperature: float = 1.0

    def probabilities(self, params: Any, model_state: Any, images: jax.Array) -> jax.Array:
        """(N, classes), each row summing to 1; pure, ready to jit."""
        return jax.nn.softmax(self.logits(params, model_state, images) / self.temperature)


def net(workdir: str | pathlib.Path, model: Mapping | None = None) -> Net:
    """The net of a run at best validation.

    model: keys of `config.model` that are to have other values than in training, as {"column": 1}.
    Raises BadInput where the folder holds no such net.
    """
    stored = read_config(workdir)
    config, dataset = stored["config"], stored["dataset"]
    where, asked = located(workdir), dict(model or {})
    try:
        trained, built = (
            models.build(config["model"] | keys, dataset["shape"], dataset["classes"]) for keys in ({}, asked)
        )
    except BadInput as error:
        raise BadInput(f"--workdir {workdir}: config.{error}") from None
    item = selected_item(config, trained, asked.get("column", 0))
    lacking = where.is_file() and item != selected_item(config, trained)
    require(not lacking, f"--workdir {workdir}", "a net in a file, judged as a whole", "the folder of its run")
    weights, at = _selected(where, abstract_net(built), item)
    return Net(
        model=built,
        params=weights["params"],
        model_state=weights["model_state"],
        logits=step.predict(built.apply),
        config=config,
        dataset=dataset,
        cwd=stored.get("cwd", ""),
        step=at,
        temperature=read_result(workdir).get("temperature", 1.0),
    )


def located(workdir: str | pathlib.Path) -> pathlib.Path:
    """The folder, or the file of a net, that --workdir names."""
    name = str(workdir)
    if is_pretrained(name):
        return pretrained.path(name.removeprefix(pretrained.PREFIX))
    found = place(workdir)
    copy = in_bucket(found) and found.suffix == netfile.SUFFIX
    require(not copy, f"--workdir {workdir}", "a net in a file in a bucket", "a copy of it on a disk")
    return found


def is_pretrained(workdir: str | pathlib.Path) -> bool:
    """Whether --workdir names a net that comes along, or is fetched."""
    return str(workdir).startswith(pretrained.PREFIX)


def selected_item(config: Mapping, trained: models.Model, column: int = 0) -> str:
    """The item of a checkpoint that is the run's net: its weights, or averages of these or of what batch norm measures.

    trained: the config's model. column: one of its columns alone, which by the statistics of training passes, half of
    them its own, is better than by those of the whole net.
    """
    if trained.drops_paths:
        return "net" if column else "average"
    return "average" if any(each["name"] == "average" for each in config["regularisers"]) else "net"


def _selected(where: pathlib.Path, abstract: Any, item: str) -> tuple[Any, int]:
    """({"params", "model_state"} at best validation, their step); of a file those in it."""
    if where.is_file():
        return netfile.weights(where, abstract), netfile.about(where)["step"]
    from bigdeep.run import checkpoint  # noqa: PLC0415 - orbax, half a second that nets in files do without

    found = record.best_row(journal.read_rows(where / "metrics.jsonl"))
    best = require(found, f"--workdir {where}", "no validation_errors in metrics.jsonl", "a run that was evaluated")
    folder = absolute(where / "checkpoints" / str(best["step"]))
    require(folder.exists(), f"--workdir {where}", f"no checkpoints/{best['step']}", "a run with its best checkpoint")
    try:
        if item not in checkpoint.names(folder):  # the config was another then, or FractalNets were not judged so yet
            tell(f"bigdeep: checkpoint {folder}: found no {item!r}; taking the net as it was trained")
            item = "net"
        return checkpoint.load(folder, {item: abstract})[item], best["step"]
    except checkpoint.Damaged as damage:
        raise BadInput(f"checkpoint {folder}: found it {damage}, expected an intact one") from None


def abstract_net(model: models.Model) -> dict[str, Any]:
    """{"params", "model_state"}: shapes, types and shardings of a net's weights, replicated on all devices."""
    params, model_state = jax.eval_shape(model.init, jax.random.key(0))
    return on_all_devices({"params": params, "model_state": model_state})


def on_all_devices(shapes: Any, model_shards: int = 1) -> Any:
    """Abstract arrays that know where they lie: as a whole on every device, or as layout.placed says."""

    def abstract(leaf: Any, sharding: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

    return jax.tree.map(abstract, shapes, layout.placed(shapes, model_shards))


def read_config(workdir: str | pathlib.Path) -> dict:
    """config.json of a run folder, {"config", "dataset": {name, sha256, shape, classes, names}, …}; never executed.

    Where the file is lost or no longer JSON, the newest checkpoint still knows config and data.
    """
    where = located(workdir)
    if where.is_file():
        return netfile.about(where)
    found = record.stored_identity(where) or _saved_identity(where)
    stored = require(found, f"--workdir {workdir}", "no config.json", "a folder that a run was trained in")
    old = "shape" not in stored.get("dataset", {})
    require(not old, f"--workdir {workdir}", "a run of bigdeep 0.1", "one of 0.2 or later; train it again")
    stored["dataset"].setdefault("names", [str(i) for i in range(stored["dataset"]["classes"])])  # before 0.3
    return stored


def _saved_identity(where: pathlib.Path) -> dict | None:
    from bigdeep.run import checkpoint  # noqa: PLC0415 - as in _selected

    return checkpoint.Store(where / "checkpoints").identity()


def read_result(workdir: str | pathlib.Path) -> dict:
    """result.json, or what a net in a file knows of it; {} where there is none."""
    where = located(workdir)
    return netfile.about(where).get("result", {}) if where.is_file() else record.read_result(where)
