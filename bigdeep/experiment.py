"""A config -> everything a run is made of, bound once: data, net, loss, deformation, optimizer, the training step."""

import functools
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import optax

from bigdeep import augment as augmentations
from bigdeep import models, place, sections, step
from bigdeep.data import splits as datasets
from bigdeep.errors import require
from bigdeep.learn import losses, optim, schedules
from bigdeep.learn import mixup as mixing
from bigdeep.run import folder, layout
from bigdeep.run.fixed_order import fixed_order


class Plan(NamedTuple):
    """When things happen, in steps, and how often to save, in seconds."""

    epoch_steps: int
    total_steps: int
    log_steps: int
    evaluate_steps: int
    checkpoint_seconds: float

    def chunk_length(self, at: int) -> int:
        """How many steps are run at once from step `at` on: log_steps, or what is left of the epoch."""
        return min(self.log_steps, self.epoch_steps - at % self.epoch_steps)


class Experiment(NamedTuple):
    """What a config describes.

    config: plain, as JSON would give it back. loss, augment, strength, mix, tx: as step.train_step takes them.
    one_step: step.train_step with all but (state, batch, key) bound.
    """

    config: dict
    data: datasets.Splits
    model: models.Model
    loss: losses.Loss
    augment: augmentations.Augment
    strength: optax.Schedule
    mix: mixing.Mix
    tx: optax.GradientTransformation
    one_step: Callable
    plan: Plan


def build(config: Mapping) -> Experiment:
    """Checks the whole config, reads the data and binds everything; raises BadInput in one line."""
    plain = sections.plain(config)
    return sections.call("config", functools.partial(_bind, plain), plain)


def _bind(
    plain: dict,
    /,
    *,
    name: str,
    seed: int,
    epochs: int,
    batch_size: int,
    data: Mapping,
    augment: Sequence[Mapping],
    strength: Sequence[Sequence[float]],
    mixup: float,
    model: Mapping,
    loss: Mapping,
    optimizer: Mapping,
    regularisers: Sequence[Mapping],
    schedule: Mapping,
    warmup_epochs: float,
    log_steps: int,
    evaluate_epochs: int,
    checkpoint_seconds: float,
    fixed_order_shards: int,
    model_shards: int,
    tensorboard: bool,
    profile: bool,
) -> Experiment:
    """The parameters are the keys of a config."""
    sections.check(isinstance(name, str) and name, "name", name, "the name of the experiment")
    sections.integer("seed", seed, f"[0, {2**32 - 1}]")
    for key, value in {"tensorboard": tensorboard, "profile": profile}.items():
        sections.check(isinstance(value, bool), key, value, "True or False")
    splits = sections.call("data", datasets.splits, data)
    classes = len(splits.dataset.classes)
    net = models.build(model, splits.shape, classes)
    layout.check(batch_size, fixed_order_shards, model_shards, len(splits.train.labels))
    _check_alone(batch_size, net, mixup, max(fixed_order_shards, 1), len(splits.train.labels))
    lengths = {"epochs": epochs, "log_steps": log_steps, "evaluate_epochs": evaluate_epochs}
    plan = _plan(len(splits.train.labels) // batch_size, checkpoint_seconds=checkpoint_seconds, **lengths)
    rate = schedules.build(schedule, warmup_epochs, plan.epoch_steps, plan.total_steps)
    parts = {
        "loss": losses.build(loss, net.distances, functools.partial(_teachers, splits)),
        "augment": augmentations.build(augment, splits.shape, classes, splits.dataset.name),
        "strength": schedules.strength(strength, plan.total_steps),
        "mix": mixing.build(mixup, classes),
        "tx": optim.build(optimizer, regularisers, rate, plan.total_steps),
    }
    combine = fixed_order(fixed_order_shards, layout.mesh()) if fixed_order_shards else step.whole_batch
    one_step = functools.partial(step.train_step, apply=net.apply, rate=rate, combine=combine, **parts)
    return Experiment(config=plain, data=splits, model=net, one_step=one_step, plan=plan, **parts)


def _check_alone(batch_size: int, net: models.Model, mixup_alpha: float, shards: int, images: int) -> None:
    """shards: how many parts of a batch are mixed each by itself; the nets of a committee normalise each its share."""
    alone = shards * net.shares
    layout.check_divided(batch_size, alone, f"{alone}, the shares of the nets", images)
    if batch_size == alone:
        statistics = "batch_stats" in jax.eval_shape(net.init, jax.random.key(0))[1]
        sections.check(not statistics, "batch_size", batch_size, f"at least {2 * alone} for batch norm")
    if batch_size == shards:
        sections.check(mixup_alpha == 0, "mixup", mixup_alpha, "0 for batches of one image")


def _plan(epoch_steps: int, epochs: int, log_steps: int, evaluate_epochs: int, checkpoint_seconds: float) -> Plan:
    sections.integer("epochs", epochs, "[1, inf)")
    sections.integer("log_steps", log_steps, "[1, inf)")
    sections.integer("evaluate_epochs", evaluate_epochs, "[1, inf)")
    sections.number("checkpoint_seconds", checkpoint_seconds, "[0, inf)")
    return Plan(epoch_steps, epochs * epoch_steps, log_steps, evaluate_epochs * epoch_steps, checkpoint_seconds)


TEACHERS = "config.loss.workdir"


def _teachers(splits: datasets.Splits, workdir: str) -> list[Callable[[jax.Array], jax.Array]]:
    return [_teacher(splits, each) for each in place.folders(workdir, TEACHERS)]


def _teacher(splits: datasets.Splits, workdir: pathlib.Path) -> Callable[[jax.Array], jax.Array]:
    """The net that a run selected: inputs (B, H, W, C) -> its logits, without dropout."""
    with jax.enable_x64(False):
        net = folder.net(workdir)
    taught = tuple(net.dataset["shape"])
    sections.check(taught == splits.shape, "workdir", f"a teacher of images {taught}", f"one of {splits.shape}")
    name, same = net.dataset["name"], net.dataset["sha256"] == splits.dataset.sha256
    sections.check(same, "workdir", f"a teacher of {name}", f"one of {splits.dataset.name}")

    def logits(inputs: jax.Array) -> jax.Array:
        return net.model.apply(net.params, net.model_state, inputs, jax.random.key(0), train=False)[0]

    return logits


def identity(experiment: Experiment) -> dict:
    """What a run folder and each checkpoint say they belong to: the config, the data, the teachers' weights."""
    dataset = experiment.data.dataset
    about: dict[str, Any] = {"name": dataset.name, "sha256": dataset.sha256, "shape": list(experiment.data.shape)}
    about |= {"classes": len(dataset.classes), "names": list(dataset.classes)}
    loss = experiment.config["loss"]
    if loss["name"] != "distillation":
        return {"config": experiment.config, "dataset": about}
    taught = []
    for workdir in place.folders(loss["workdir"], TEACHERS):
        result = folder.read_result(workdir)
        require(result, TEACHERS, f"no result.json in {workdir}", "the folder of a finished run")
        taught.append(result["state_sha256"])
    return {"config": experiment.config, "dataset": about, "teacher": ",".join(taught)}


def keys(experiment: Experiment) -> jax.Array:
    """The keys of initialisation and of training."""
    return jax.random.split(jax.random.key(experiment.config["seed"]))


def initial_state(experiment: Experiment) -> step.State:
    """The state before the first step, on all devices."""
    init = functools.partial(step.init_state, init=experiment.model.init, tx=experiment.tx)
    return jax.jit(init, out_shardings=placed(experiment))(keys(experiment)[0])


def abstract_state(experiment: Experiment) -> step.State:
    """Shapes, types and shardings of a run's state."""
    init = functools.partial(step.init_state, init=experiment.model.init, tx=experiment.tx)
    return folder.on_all_devices(jax.eval_shape(init, jax.random.key(0)), experiment.config["model_shards"])


def placed(experiment: Experiment) -> step.State:
    return jax.tree.map(lambda leaf: leaf.sharding, abstract_state(experiment))


def items_of(state: step.State) -> dict:
    """A state, or its abstract stand-in, as the items of a checkpoint: the net, and all else as the optimizer."""
    net = {"params": state.params, "model_state": state.model_state}
    return {"net": net, "optimizer": {"step": state.step, "opt_state": state.opt_state}}


def state_of(items: Mapping) -> step.State:
    """The state whose items these are."""
    net, optimizer = items["net"], items["optimizer"]
    return step.State(optimizer["step"], net["params"], net["model_state"], optimizer["opt_state"])
