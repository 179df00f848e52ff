"""An experiment on the devices: its state before the first step, its training steps compiled, an explosion replayed."""

import functools
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np

from bigdeep import diagnosis, runtime
from bigdeep.experiment import Experiment
from bigdeep.step import State


def keys(built: Experiment) -> jax.Array:
    """The keys of initialisation and of training."""
    return jax.random.split(jax.random.key(built.config["seed"]))


def initial_state(built: Experiment) -> State:
    """The state before the first step, on all devices."""
    return jax.jit(built.init, out_shardings=runtime.replicated(runtime.mesh()))(keys(built)[0])


def compiled_steps(built: Experiment, images: jax.Array, labels: jax.Array) -> Callable:
    """(state, length=n) -> (state, metrics): n training steps as one program, over a resident set; state is donated."""
    chunk = functools.partial(built.train_steps, shard=runtime.shard_batch(runtime.mesh()))
    program = jax.jit(chunk, static_argnames="length", donate_argnums=0)
    key = keys(built)[1]
    return lambda state, length: program(state, images, labels, key, length=length)


def chunk_length(built: Experiment, step: int) -> int:
    """How many steps are run at once from `step` on: log_every, or what is left of the epoch."""
    return min(built.log_every, built.epoch_steps - step % built.epoch_steps)


def layers_row(step: int, layers: Mapping[str, Mapping[str, jax.Array]]) -> dict:
    """What each layer did in a step, as a row of metrics holds it."""
    values = {layer: {name: float(f"{float(value):.5g}") for name, value in of.items()} for layer, of in layers.items()}
    return {"step": step, "layers": values}


def explosion(built: Experiment, state: State, rows: Sequence[Mapping], failed: int) -> str:
    """Which layer's what grew first, told by running from a state to the step that failed, its last chunk one by one.

    state: a checkpoint before the step (donated); rows: of metrics, from before it; failed: the step's number, from 0.
    """
    steps = compiled_steps(built, *jax.device_put(built.train, runtime.replicated(runtime.mesh())))
    at = int(state.step)
    while at + chunk_length(built, at) <= failed:
        length = chunk_length(built, at)
        state, _ = steps(state, length=length)
        at += length
    history = [{**row, "step": row["step"] - 1} for row in rows if row["step"] <= at]
    for step in range(at, failed + 1):
        state, metrics = steps(state, length=1)
        history.append(layers_row(step, metrics["layers"]))
        if not np.isfinite(metrics["train_loss"]).all():
            break
    return diagnosis.first_to_grow(history)
