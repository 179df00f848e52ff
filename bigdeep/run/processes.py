"""Several processes that train one net: how they are started, and what they have to agree on.

Every function here is nothing but its local answer where there is one process.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from bigdeep.errors import Failed, first_line, require, tell

TIMEOUT = 1800  # seconds to wait for all processes; after a preemption some come much later than others


def start(coordinator: str, num_processes: int, process_id: int) -> None:
    """Joins the other processes, by flags or as Slurm or Open MPI say; to be called before any backend starts.

    coordinator: host:port of process 0; "auto" for what JAX finds out on Cloud TPUs and in Kubernetes; "" for what the
    scheduler says. Raises BadInput where the flags make no sense, Failed where not all processes come.
    """
    if coordinator == "auto":
        given: dict[str, Any] = {}
    elif coordinator or num_processes or process_id >= 0:
        require(coordinator, "--coordinator", coordinator, "HOST:PORT of process 0")
        require(num_processes > 0, "--num_processes", num_processes, "how many there are")
        require(0 <= process_id < num_processes, "--process_id", process_id, f"one from 0 to {num_processes - 1}")
        given = {"coordinator_address": coordinator, "num_processes": num_processes, "process_id": process_id}
    elif scheduled():
        given = {}
    else:
        return
    try:
        jax.distributed.initialize(**given, initialization_timeout=TIMEOUT)
    except Exception as error:  # JAX's own, gRPC's and the scheduler plugins' errors
        raise Failed(f"--coordinator: found no {num_processes or 'several'} processes ({first_line(error)})") from error
    found = jax.process_count()
    expected = num_processes or scheduled() or found
    require(found == expected, "processes", found, f"{expected}, as the scheduler says")
    tell("\n".join(_table(coordinator) if first() else [f"bigdeep: process {jax.process_index()} of {found}"]))


def _table(coordinator: str) -> list[str]:
    """A line for each process: its devices."""
    count = jax.process_count()
    devices = [[d for d in jax.devices() if d.process_index == process] for process in range(count)]
    where = f", coordinator {coordinator}" if coordinator else ""
    rows = [f"bigdeep: {count} processes, {jax.device_count()} devices{where}"]
    for process, own in enumerate(devices):
        kinds = "/".join(sorted({device.device_kind for device in own}))
        rows.append(
            f"bigdeep: process {process} of {count}: {len(own)} x {kinds} ({', '.join(str(d.id) for d in own)})"
        )
    return rows


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Turns the failure of a collective, which is how the death of a peer shows first, into Failed, one line."""
    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError) as error:  # the latter from where JAX compiles anew
        collective = isinstance(error, jax.errors.JaxRuntimeError) or "Gloo" in str(error)
        if alone() or not collective:
            raise
        here = f"process {jax.process_index()} of {jax.process_count()}"
        raise Failed(f"{here}: another one is gone ({first_line(error)}); checkpoints so far are kept") from error


def scheduled() -> int:
    """How many processes a scheduler that JAX knows has started together with this one; 0 for none or one."""
    tasks = os.environ.get("SLURM_NTASKS") if "SLURM_PROCID" in os.environ and "SLURM_STEP_ID" in os.environ else None
    count = int(tasks or os.environ.get("OMPI_COMM_WORLD_SIZE") or 0)
    return count if count > 1 else 0


def alone() -> bool:
    """Whether this is the only process."""
    return jax.process_count() == 1


def first() -> bool:
    """Whether this is process 0, the only one that writes files and shows progress."""
    return jax.process_index() == 0


def first_says(value: bool) -> bool:
    """What process 0 says, on all processes; to be called by all of them."""
    if alone():
        return value
    return bool(multihost_utils.broadcast_one_to_all(np.int32(value)))


def any_of(value: int) -> int:
    """The largest value of all processes; to be called by all of them."""
    if alone():
        return value
    return int(multihost_utils.process_allgather(np.int32(value)).max())


def whole(array: jax.Array) -> np.ndarray:
    """An array's values, also where other processes hold parts of it; then to be called by all of them."""
    if getattr(array, "is_fully_addressable", True) or array.is_fully_replicated:
        return np.asarray(array)
    return np.asarray(multihost_utils.process_allgather(array, tiled=True))


def barrier(name: str) -> None:
    """Waits for all processes."""
    if not alone():
        multihost_utils.sync_global_devices(name)


def shared(received: Callable[[], str]) -> Callable[[], str]:
    """The name of a signal that any process received, "" for none, the same for all at the same call of it."""

    def name() -> str:
        local = received()
        number = any_of(signal.Signals[local].value if local else 0)
        return signal.Signals(number).name if number else ""

    return name
