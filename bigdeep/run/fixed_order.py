"""The same bits on any number of devices: a batch in micro-shards of a fixed number, summed in a fixed order.

Sums of floating point numbers depend on their order, and XLA's on how many rows a device has and on what an operation
is fused with. So here every device computes its micro-shards one by one in the same compiled loop, everything is added
in one binary tree, and the update is compiled apart from what comes before it. On a CPU the number of threads has to
be the same as well (machine.select, which bigdeep.main calls). Muon's update still has other last bits on one device
than on several: XLA sums the norms of its matrices in another order there.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec


def fixed_order(shards: int, mesh: jax.sharding.Mesh) -> Callable:
    """(gradients, update) -> (state, batch, key) -> the updated state and metrics, as step.train_step's `combine`.

    shards: a power of two that the devices of the mesh's axis "data", a power of two as well, divide, and that divides
    the batch. Each micro-shard draws random numbers of its own and has batch norm's statistics of its own, whose
    running means are averaged: "ghost" batch norm. Source of that: Hoffer et al. 2017 (arXiv 1705.08741), section 4.
    """

    def combine(gradients: Callable, update: Callable) -> Callable:
        def local(state: Any, numbers: jax.Array, batch: tuple[jax.Array, jax.Array], key: jax.Array) -> Any:
            def of_shard(shard: tuple) -> Any:
                number, *images_labels = shard
                return gradients(state, tuple(images_labels), jax.random.fold_in(key, number))

            cut = [part.reshape(len(numbers), -1, *part.shape[1:]) for part in batch]
            given = _ordered_sum(_one_by_one(of_shard, (numbers, *cut), state.step))
            return _apart(update, state.step, state, jax.tree.map(lambda total: total / shards, given))

        whole, cut = PartitionSpec(), PartitionSpec("data")
        spread = jax.shard_map(local, mesh=mesh, in_specs=(whole, cut, cut, whole), out_specs=whole, check_vma=False)
        return lambda state, batch, key: spread(state, jnp.arange(shards), batch, key)

    return combine


def _one_by_one(f: Callable, xs: Any, step: jax.Array) -> Any:
    """lax.map in a loop whose length XLA does not know, of two rows at least: it cannot take a round out of it."""
    local = len(jax.tree.leaves(xs)[0])
    if local == 1:
        xs = jax.tree.map(lambda x: jnp.concatenate([x, x]), xs)
    shapes = jax.eval_shape(f, jax.tree.map(lambda x: x[0], xs))
    outputs = jax.tree.map(lambda s: jnp.zeros((max(local, 2), *s.shape), s.dtype), shapes)

    def one_round(i: jax.Array, outputs: Any) -> Any:
        y = f(jax.tree.map(lambda x: jax.lax.dynamic_index_in_dim(x, i, keepdims=False), xs))
        return jax.tree.map(lambda all_, one: jax.lax.dynamic_update_index_in_dim(all_, one, i, 0), outputs, y)

    rounds = local + (step < 0).astype(jnp.int32)  # always `local`: a step is never negative
    return jax.tree.map(lambda rows: rows[:local], jax.lax.fori_loop(0, rounds, one_round, outputs))


def _ordered_sum(stacked: Any) -> Any:
    """Over the leading axis of this device, then over all devices, in one binary tree."""

    def tree(rows: jax.Array) -> jax.Array:
        while len(rows) > 1:
            rows = rows[0::2] + rows[1::2]
        return rows[0]

    return jax.tree.map(lambda rows: tree(jax.lax.all_gather(tree(rows), "data")), stacked)


def _apart(f: Callable, step: jax.Array, *args: Any) -> Any:
    """f(*args) as a branch of its own, whose last bits do not depend on what XLA would fuse it with."""
    shapes = jax.eval_shape(f, *args)
    nothing = lambda *_: jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)  # noqa: E731
    return jax.lax.cond(step >= 0, f, nothing, *args)
