"""A config -> everything a run is made of: data, net, loss, deformation, optimizer, and the pure steps over them.

And the way back: the folder of a run -> the net that it selected.
"""

import functools
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bigdeep import augment as augmentations
from bigdeep import checkpoint, losses, models, optim, runtime, schedules, step, writer
from bigdeep import config as configs
from bigdeep import data as datasets
from bigdeep import mixup as mixing
from bigdeep.augment import warp
from bigdeep.errors import BadInput, require

CLASSES = 10
EVALUATION_BATCH = 500


class Split(NamedTuple):
    """images: uint8 (N, H, W, C); labels: uint8 (N,)."""

    images: np.ndarray
    labels: np.ndarray


class Experiment(NamedTuple):
    """What `build` makes of a config; `init`, `train_steps` and `logits` are pure and ready to jit.

    init(key) -> State. train_steps(state, images, labels, key, *, length, shard) -> (State, metrics).
    logits(params, model_state, images) -> (N, 10).
    augment(key, images, labels, strength) -> inputs. one_step: step.train_step with all but (state, batch, key) bound.
    checkpoint_seconds, log_every, …: the config's. Built not to train, it has no loss, augment, one_step, train_steps.
    """

    config: dict
    dataset: datasets.Dataset
    train: Split
    validation: Split
    test: Split
    model: models.Model
    tx: optax.GradientTransformation
    loss: losses.Loss | None
    augment: Callable | None
    init: Callable
    one_step: Callable | None
    train_steps: Callable | None
    logits: Callable
    epoch_steps: int
    total_steps: int
    log_every: int
    evaluate_every: int
    checkpoint_seconds: float


def build(config: Mapping, *, train: bool = True) -> Experiment:
    """Checks the whole config, reads the data and binds everything; raises BadInput in one line.

    train: False leaves out what only training needs, as a teacher or fitted statistics that may be gone by then.
    """
    plain = configs.plain(config)
    return configs.call("config", functools.partial(_assemble, plain, train), plain)


def _assemble(
    plain: dict,
    to_train: bool,
    /,
    name: str,
    seed: int,
    epochs: int,
    batch_size: int,
    data: Mapping,
    augment: Sequence[Mapping],
    strength: Sequence[Sequence[float]],
    model: Mapping,
    loss: Mapping,
    optimizer: Mapping,
    regularisers: Sequence[Mapping],
    schedule: Mapping,
    log_every: int,
    evaluate_every: int,
    checkpoint_seconds: float,
    mixup: float = 0.0,  # optional, since runs from before it have no such key
) -> Experiment:
    configs.check(isinstance(name, str) and name, "name", name, "the name of the experiment")
    configs.integer("seed", seed, 0, 2**32 - 1)
    configs.integer("epochs", epochs, 1)
    configs.integer("log_every", log_every, 1)
    configs.integer("evaluate_every", evaluate_every, 1)
    configs.number("checkpoint_seconds", checkpoint_seconds, 0.0)
    dataset, train, validation, test = configs.call("data", _splits, data)
    shape = train.images.shape[1:]
    configs.integer("batch_size", batch_size, 1, len(train.labels))
    devices = jax.device_count()
    configs.check(batch_size % devices == 0, "batch_size", batch_size, f"a multiple of the {devices} devices")
    net = models.build(model, shape, CLASSES)
    if batch_size == 1:
        statistics = "batch_stats" in jax.eval_shape(net.init, jax.random.key(0))[1]
        configs.check(not statistics, "batch_size", 1, "at least 2 for batch norm")
    epoch_steps = len(train.labels) // batch_size
    total_steps = epochs * epoch_steps
    rate = schedules.build(schedule, epoch_steps, total_steps)
    strong = schedules.strength(strength, total_steps)
    tx = optim.build(optimizer, regularisers, rate)
    loss_fn = deform = one_step = train_steps = None
    if to_train:
        mix = mixing.build(mixup)
        configs.check(batch_size > 1 or mixup == 0, "mixup", mixup, "0 for batches of one image")
        loss_fn = losses.build(loss, net.distances, functools.partial(_teacher, shape=shape, dataset=dataset))
        deform = augmentations.build(augment, shape, CLASSES, dataset.name)
        bound = {"apply": net.apply, "loss_fn": loss_fn, "augment": deform, "strength": strong, "mix": mix, "tx": tx}
        one_step = functools.partial(step.train_step, **bound)
        train_steps = functools.partial(_train_steps, batch_size=batch_size, one_step=one_step, rate=rate)
    init = functools.partial(step.init_state, init=net.init, tx=tx)
    apply = functools.partial(_apply_undeformed, apply=net.apply)
    logits = functools.partial(step.eval_step, batch_size=EVALUATION_BATCH, apply=apply)
    splits, steps = (dataset, train, validation, test), (init, one_step, train_steps, logits)
    lengths = (epoch_steps, total_steps, log_every, evaluate_every, checkpoint_seconds)
    return Experiment(plain, *splits, net, tx, loss_fn, deform, *steps, *lengths)


def _train_steps(state: step.State, *args, rate: Callable, **kwargs) -> tuple[step.State, dict]:
    """step.train_steps, with the learning rate of the last one in its metrics."""
    state, metrics = step.train_steps(state, *args, **kwargs)
    return state, {**metrics, "learning_rate": jnp.float32(rate(state.step - 1))}


def _apply_undeformed(params: Any, model_state: Any, images: jax.Array, *, apply: Callable) -> jax.Array:
    """uint8 images -> logits."""
    inputs = warp.scale(images.astype(jnp.float32))
    return apply(params, model_state, inputs, jax.random.key(0), train=False)[0]


def _splits(name: str, source: str, dir: str, size: int, validation: int) -> tuple:
    """The data set and its three splits.

    size: images are padded with background to size x size pixels, half of it before, the larger half after.
    validation: 0 takes the undeformed training set, as the paper does; n > 0 holds out its last n images.
    """
    dataset = datasets.load(name, source, dir)
    count, height = dataset.train_images.shape[:2]
    configs.integer("size", size, height)
    configs.integer("validation", validation, 0, count - 1)

    def split(images: np.ndarray, labels: np.ndarray) -> Split:
        return Split(padded(images, size), labels)

    train = split(dataset.train_images[: count - validation], dataset.train_labels[: count - validation])
    held_out = split(dataset.train_images[count - validation :], dataset.train_labels[count - validation :])
    return dataset, train, held_out if validation else train, split(dataset.test_images, dataset.test_labels)


def padded(images: np.ndarray, size: int) -> np.ndarray:
    """Images (N, H, W, C) in a frame of background, size x size pixels; of an odd margin the smaller half before."""
    return np.pad(images, warp.frame(images.shape[1:], (size, size, images.shape[3])))


def best_row(rows: Sequence[Mapping], errors: str = "validation_errors") -> Mapping | None:
    """The row of metrics with the fewest validation errors, the latest of equals; the test set has no say."""
    return min((r for r in rows if errors in r), key=lambda r: (r[errors], -r["step"]), default=None)


def read_config(workdir: pathlib.Path) -> dict:
    """config.json of a run folder: {"config": …, "dataset": {"name", "sha256"}, "origin": …}; never executed."""
    path = workdir / "config.json"
    require(path.exists(), f"--workdir {workdir}", "no config.json", "a folder that a run was trained in")
    return json.loads(path.read_text())


def abstract_state(built: Experiment) -> step.State:
    """Shapes, types and shardings of a run's state: replicated on all devices."""
    sharding = runtime.replicated(runtime.mesh())
    shapes = jax.eval_shape(built.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), shapes)


def selected(workdir: pathlib.Path, model: Mapping | None = None) -> tuple[Experiment, step.State]:
    """A run, and its state at best validation. model: keys of `config.model` that are to be others than trained with.

    Raises BadInput where the data found now are not those it was trained on.
    """
    record = read_config(workdir)
    config = record["config"] | {"model": record["config"]["model"] | dict(model or {})}
    try:
        built = build(config, train=False)
    except BadInput as error:
        raise BadInput(f"{workdir}/config.json: {error}; was it written by another version?") from None
    found = {"name": built.dataset.name, "sha256": built.dataset.sha256}
    require(found == record["dataset"], f"data of --workdir {workdir}", found, f"those of the run, {record['dataset']}")
    best = best_row(writer.read_rows(workdir / "metrics.jsonl"))
    require(best is not None, f"--workdir {workdir}", "no evaluation in metrics.jsonl", "a run that got to its first")
    folder = workdir.absolute() / "checkpoints" / str(best["step"])
    try:
        return built, checkpoint.load(folder, abstract_state(built))
    except checkpoint.Damaged as damage:
        raise BadInput(f"checkpoint {folder}: found it {damage}, expected an intact one") from None


def teacher_of(config: Mapping) -> str | None:
    """state_sha256 of the finished run that a config's loss learns from, if it has a teacher."""
    if config["loss"]["name"] != "distillation":
        return None
    path = pathlib.Path(config["loss"]["workdir"]) / "result.json"
    require(path.exists(), "config.loss.workdir", f"no {path}", "the folder of a finished run")
    return json.loads(path.read_text())["state_sha256"]


def _teacher(workdir: str, shape: Sequence[int], dataset: datasets.Dataset) -> Callable[[jax.Array], jax.Array]:
    """The net that a run selected: inputs (B, H, W, C) -> its logits, without dropout."""
    configs.check(isinstance(workdir, str) and workdir, "workdir", workdir, "the folder of a run")
    with jax.enable_x64(False):
        built, state = selected(pathlib.Path(workdir))
    own = built.train.images.shape[1:]
    configs.check(own == shape, "workdir", f"a teacher of images {own}", f"one of {shape}")
    taught = f"a teacher of {built.dataset.name}"
    configs.check(built.dataset.sha256 == dataset.sha256, "workdir", taught, f"one of {dataset.name}")

    def logits(inputs: jax.Array) -> jax.Array:
        return built.model.apply(state.params, state.model_state, inputs, jax.random.key(0), train=False)[0]

    return logits
