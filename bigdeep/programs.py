"""The compiled programs of an experiment: a chunk of training steps, and the net that its state stands for."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bigdeep import experiment as experiments
from bigdeep import step
from bigdeep.data import resident, stream
from bigdeep.experiment import Experiment
from bigdeep.learn import regularisers
from bigdeep.run import layout

STATISTICS_BATCHES = 50  # over which batch norm is measured anew


def compiled_steps(experiment: Experiment) -> Callable:
    """(state, length=n) -> (state, metrics): n training steps as one program; the state is donated.

    Each call goes on where the one before ended. Where the training set stays on the host, its batches of the steps
    ahead are being read meanwhile.
    """
    program, key = steps_program(experiment), experiments.keys(experiment)[1]
    if not experiment.data.workers:
        train = layout.on_devices(tuple(experiment.data.train))
        return lambda state, length: program(state, train, key, length=length)
    reader = stream.Reader(_host_batches(experiment, step.keys_of_run(key)[0]), experiment.data.workers)

    def steps(state: step.State, length: int) -> tuple[step.State, dict]:
        batches = reader.read(length, start=lambda: int(state.step))
        return program(state, _on_devices(experiment, batches), key, length=length)

    return steps


def steps_program(experiment: Experiment) -> Callable:
    """(state, split, key, length=n) -> (state, metrics): the jitted program of compiled_steps.

    split: images and labels of the training set, or where that stays on the host, of the n batches.
    """
    batch_size, shard = experiment.config["batch_size"], layout.shard_batch(experiment.config["model_shards"])
    streamed = experiment.data.workers > 0

    def chunk(state: step.State, split: tuple, key: jax.Array, length: int) -> tuple[step.State, dict]:
        images, labels = split
        if streamed:
            batches = resident.stacked(images, labels, shard)
        else:
            batches = resident.resident(images, labels, batch_size, shard)
        return step.train_steps(state, key, length=length, batches=batches, one_step=experiment.one_step)

    placed = (experiments.placed(experiment), layout.replicated())
    return jax.jit(chunk, static_argnames="length", donate_argnums=0, out_shardings=placed)


def first_chunk(experiment: Experiment) -> tuple[Callable, tuple, int]:
    """(steps_program, what it takes behind the state, length) of a run's first steps, for who wants to look into it."""
    key, length = experiments.keys(experiment)[1], experiment.plan.chunk_length(0)
    if experiment.data.workers:
        host = _host_batches(experiment, step.keys_of_run(key)[0])
        split = _on_devices(experiment, stream.stacked([host[i] for i in range(length)]))
    else:
        split = layout.on_devices(tuple(experiment.data.train))
    return steps_program(experiment), (split, key), length


def _host_batches(experiment: Experiment, key: jax.Array) -> stream.Batches:
    """The batches of all steps in the order of a key, of which this process reads the rows that its devices hold."""
    size, train = experiment.config["batch_size"], experiment.data.train
    rows = layout.own_rows(size, experiment.config["model_shards"])
    return stream.Batches(*train, np.asarray(jax.random.key_data(key)), size, experiment.plan.total_steps, rows)


def _on_devices(experiment: Experiment, batches: tuple[np.ndarray, np.ndarray]) -> tuple[jax.Array, jax.Array]:
    """Batches of several steps, (steps, rows of this process, …), as arrays over all devices."""
    size, shards = experiment.config["batch_size"], experiment.config["model_shards"]
    images, labels = batches
    return layout.shard_steps(images, size, shards), layout.shard_steps(labels, size, shards)


def net_of(experiment: Experiment) -> Callable[[step.State], dict]:
    """state -> {"params", "model_state"}: its weights, or their moving average where the config asks for one.

    The average's batch norm has statistics of its own, measured anew as means over STATISTICS_BATCHES deformed
    training batches. Source: Izmailov et al. 2018 (arXiv 1803.05407), section 3.2. So has that of a net which drops
    paths: those of the training passes, of fewer columns and a larger variance, shrink the whole net's signal from
    layer to layer, until a class is all that it says.
    """
    key = experiments.keys(experiment)[1]
    count, shards = min(STATISTICS_BATCHES, experiment.plan.epoch_steps), experiment.config["fixed_order_shards"]

    def cut(batches: jax.Array) -> jax.Array:
        """With fixed_order_shards each part by itself, by the same program on every device."""
        whole = jax.lax.with_sharding_constraint(batches, layout.replicated())
        return whole.reshape(count * shards, -1, *batches.shape[2:])

    @jax.jit
    def measured(params: Any, model_state: Any, at: jax.Array, images: jax.Array, labels: jax.Array) -> Any:
        def of_batch(batch: tuple) -> Any:
            i, images, labels = batch
            augment_key, _, mix_key = step.keys(key, at + i)
            inputs = experiment.augment(augment_key, images, labels, experiment.strength(at))
            inputs, _ = experiment.mix(mix_key, inputs, labels)
            return experiment.model.statistics(params, model_state, inputs)

        if shards:
            images, labels = cut(images), cut(labels)
        values = jax.lax.map(of_batch, (jnp.arange(len(images)), images, labels))
        return jax.tree.map(lambda values: values.mean(axis=0), values)

    @functools.cache
    def batches() -> tuple[jax.Array, jax.Array]:
        host = _host_batches(experiment, key)
        return _on_devices(experiment, stream.stacked([host[i] for i in range(count)]))

    def net(state: step.State) -> dict:
        average, model_state = regularisers.averaged(state.opt_state), state.model_state
        params = state.params if average is None else average
        fresh = average is not None or experiment.model.drops_paths
        if fresh and jax.tree.leaves(model_state):
            model_state = measured(params, model_state, state.step, *batches())
        return {"params": params, "model_state": model_state}

    return net
