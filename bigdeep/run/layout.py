"""How arrays lie on the devices: batches in parts, weights as a whole or in columns."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from bigdeep import sections
from bigdeep.run import machine


def mesh(model_shards: int = 1) -> jax.sharding.Mesh:
    """All devices of all processes, "data" by "model": groups of model_shards neighbours share the weights of a net."""
    auto = jax.sharding.AxisType.Auto
    devices = jax.make_mesh((machine.device_count(),), ("data",), axis_types=(auto,)).devices
    return jax.sharding.Mesh(devices.reshape(-1, model_shards), ("data", "model"), axis_types=(auto, auto))


def replicated() -> jax.sharding.NamedSharding:
    """The whole array on every device: state and data set."""
    return jax.sharding.NamedSharding(mesh(), jax.sharding.PartitionSpec())


def placed(shapes: Any, model_shards: int) -> Any:
    """A tree of shardings for arrays of these shapes: matrices by columns over the axis "model", all else replicated.

    Matrices whose columns model_shards does not divide, as a net's last, lie on every device as a whole, too.
    """
    devices = mesh(model_shards)

    def sharding(leaf: Any) -> jax.sharding.NamedSharding:
        split = model_shards > 1 and leaf.ndim >= 2 and leaf.shape[-1] % model_shards == 0
        axes = [None] * (leaf.ndim - 1) + ["model"] if split else []
        return jax.sharding.NamedSharding(devices, jax.sharding.PartitionSpec(*axes))

    return jax.tree.map(sharding, shapes)


def on_devices(tree: Any) -> Any:
    """Arrays put on every device as a whole."""
    return jax.device_put(tree, replicated())


def shard_batch(model_shards: int = 1) -> Callable:
    """Splits the leading axis of a batch over the devices, inside jit."""
    sharding = jax.sharding.NamedSharding(mesh(model_shards), jax.sharding.PartitionSpec("data"))
    return lambda batch: jax.lax.with_sharding_constraint(batch, sharding)


def own_rows(batch_size: int, model_shards: int = 1) -> slice:
    """The rows of a batch that lie on this process's devices."""
    sharding = jax.sharding.NamedSharding(mesh(model_shards), jax.sharding.PartitionSpec("data"))
    places = sharding.addressable_devices_indices_map((batch_size,)).values()
    rows = [place[0].indices(batch_size) for place in places if place is not None]
    return slice(min(start for start, _, _ in rows), max(stop for _, stop, _ in rows))


def shard_steps(part: np.ndarray, batch_size: int, model_shards: int = 1) -> jax.Array:
    """An array (steps, batch_size, …) over the devices, of this process's rows of it (steps, own rows, …)."""
    sharding = jax.sharding.NamedSharding(mesh(model_shards), jax.sharding.PartitionSpec(None, "data"))
    whole = (part.shape[0], batch_size, *part.shape[2:])
    return jax.make_array_from_process_local_data(sharding, part, whole)


def check(batch_size: int, fixed_order_shards: int, model_shards: int, images: int) -> None:
    """BadInput unless the devices that there are can share batches and weights like this."""
    sections.integer("batch_size", batch_size, f"[1, {images}]")
    sections.integer("model_shards", model_shards, "[1, inf)")
    sections.integer("fixed_order_shards", fixed_order_shards, "[0, inf)")
    devices = machine.device_count()
    together = devices % model_shards == 0
    sections.check(together, "model_shards", model_shards, f"one that divides the {devices} devices")
    check_divided(batch_size, devices // model_shards, f"the {devices // model_shards} devices", images)
    if fixed_order_shards:
        sections.check(model_shards == 1, "model_shards", model_shards, "1 with fixed_order_shards")
        power = fixed_order_shards & (fixed_order_shards - 1) == 0 and fixed_order_shards > 1
        expected = f"0, or a power of two that the {devices} devices divide"
        sections.check(power and fixed_order_shards % devices == 0, "fixed_order_shards", fixed_order_shards, expected)
        check_divided(batch_size, fixed_order_shards, f"fixed_order_shards={fixed_order_shards}", images)


def check_divided(size: int, among: int, whose: str, most: int) -> None:
    """BadInput with the nearest sizes within [1, most] that can be divided."""
    below, above = size // among * among, -(-size // among) * among
    nearest = " or ".join(str(near) for near in (below, above) if 1 <= near <= most)
    sections.check(below == above, "batch_size", size, f"a multiple of {whose}, as {nearest}")
