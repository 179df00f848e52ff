"""A config -> everything a run is made of: data, net, loss, deformation, optimizer, and the pure steps over them."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bigdeep import augment as augmentations
from bigdeep import config as configs
from bigdeep import data as datasets
from bigdeep import losses, models, optim, step
from bigdeep.augment import warp

CLASSES = 10
EVALUATION_BATCH = 1000


class Split(NamedTuple):
    """images: uint8 (N, H, W, C); labels: uint8 (N,)."""

    images: np.ndarray
    labels: np.ndarray


class Experiment(NamedTuple):
    """What `build` makes of a config; `init`, `train_steps` and `logits` are pure and ready to jit.

    init(key) -> State. train_steps(state, images, labels, key, *, length, shard) -> (State, metrics).
    logits(params, model_state, images) -> (N, 10).
    augment(key, images, labels, strength) -> inputs. checkpoint_seconds, log_every, …: the config's.
    """

    config: dict
    dataset: datasets.Dataset
    train: Split
    validation: Split
    test: Split
    model: models.Model
    augment: Callable
    init: Callable
    train_steps: Callable
    logits: Callable
    epoch_steps: int
    total_steps: int
    log_every: int
    evaluate_every: int
    checkpoint_seconds: float


def build(config: Mapping) -> Experiment:
    """Checks the whole config, reads the data and binds everything; raises BadInput in one line."""
    plain = configs.plain(config)
    return configs.call("config", functools.partial(_assemble, plain), plain)


def _assemble(
    plain: dict,
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
    schedule: Mapping,
    log_every: int,
    evaluate_every: int,
    checkpoint_seconds: float,
) -> Experiment:
    configs.check(isinstance(name, str) and name, "name", name, "the name of the experiment")
    configs.integer("seed", seed, 0, 2**32 - 1)
    configs.integer("epochs", epochs, 1)
    configs.integer("log_every", log_every, 1)
    configs.integer("evaluate_every", evaluate_every, 1)
    configs.number("checkpoint_seconds", checkpoint_seconds, 0.0)
    loss_fn = losses.build(loss)
    dataset, train, validation, test = configs.call("data", _splits, data)
    shape = train.images.shape[1:]
    configs.integer("batch_size", batch_size, 1, len(train.labels))
    devices = jax.device_count()
    configs.check(batch_size % devices == 0, "batch_size", batch_size, f"a multiple of the {devices} devices")
    net = models.build(model, shape, CLASSES)
    deform = augmentations.build(augment, shape, CLASSES, dataset.name)
    epoch_steps = len(train.labels) // batch_size
    rate = optim.build_schedule(schedule, epoch_steps, epochs * epoch_steps)
    tx = optim.build(optimizer, rate)
    strong = optim.strength(strength, epochs * epoch_steps)
    bound = {"apply": net.apply, "loss_fn": loss_fn, "augment": deform, "strength": strong, "tx": tx}
    one_step = functools.partial(step.train_step, **bound)

    def train_steps(state: step.State, *args, **kwargs) -> tuple[step.State, dict]:
        state, metrics = step.train_steps(state, *args, **kwargs, batch_size=batch_size, one_step=one_step)
        return state, {**metrics, "learning_rate": jnp.float32(rate(state.step - 1))}

    def apply_undeformed(params: Any, model_state: Any, images: jax.Array) -> jax.Array:
        inputs = warp.scale(images.astype(jnp.float32))
        return net.apply(params, model_state, inputs, jax.random.key(0), train=False)[0]

    init = functools.partial(step.init_state, init=net.init, tx=tx)
    logits = functools.partial(step.eval_step, batch_size=EVALUATION_BATCH, apply=apply_undeformed)
    lengths = (epoch_steps, epochs * epoch_steps, log_every, evaluate_every, checkpoint_seconds)
    return Experiment(plain, dataset, train, validation, test, net, deform, init, train_steps, logits, *lengths)


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
