"""The machine a run is on: compilation cache, devices and shardings, signals, one run a folder."""

import contextlib
import fcntl
import importlib.metadata
import os
import pathlib
import platform
import signal
import subprocess
from collections.abc import Callable, Iterator

import jax

from bigdeep import __version__
from bigdeep.errors import BadInput

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


def use_compilation_cache() -> None:
    """Keeps compiled programs in the user's cache folder, unless JAX_COMPILATION_CACHE_DIR names another."""
    if not jax.config.jax_compilation_cache_dir:
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "bigdeep" / "jax"
        jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def mesh() -> jax.sharding.Mesh:
    """All devices of all processes in one axis, "data"."""
    return jax.make_mesh((jax.device_count(),), ("data",), axis_types=(jax.sharding.AxisType.Auto,))


def replicated(mesh: jax.sharding.Mesh) -> jax.sharding.NamedSharding:
    """The whole array on every device: state and data set."""
    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())


def shard_batch(mesh: jax.sharding.Mesh) -> Callable:
    """Splits the leading axis of a batch over the devices, inside jit."""
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    return lambda batch: jax.lax.with_sharding_constraint(batch, sharding)


@contextlib.contextmanager
def signals() -> Iterator[Callable[[], str]]:
    """Collects SIGTERM, SIGINT and SIGUSR1 instead of dying of them.

    Yields a function that names the first one received, "" if none. SIGINT after any of them interrupts at once.
    """
    received: list[str] = []

    def note(number: int, frame: object) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(signal.Signals(number).name)

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield lambda: received[0] if received else ""
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def claim(folder: pathlib.Path) -> Iterator[None]:
    """Creates a run folder and holds it for this process; the kernel lets go when the process ends in any way.

    Raises BadInput where another process holds it or no folder can be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("a")
    except OSError as error:
        raise BadInput(f"--workdir: found {folder} ({error.strerror}), expected a folder to write in") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadInput(f"--workdir: found {folder} in use by another run, expected a folder of its own") from None
        yield


def device() -> str:
    """What the run computes on, with the processor's name on a CPU: '1 x cpu (AMD EPYC, 2 cores)'."""
    kind = f"{jax.device_count()} x {jax.devices()[0].device_kind}"
    if jax.default_backend() != "cpu":
        return kind
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    info = pathlib.Path("/proc/cpuinfo")
    names = (
        [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return f"{kind} ({names[0] if names else platform.processor()}, {cores} cores)"


def versions() -> dict[str, str]:
    """Versions of bigdeep, Python and the packages that decide about numbers."""
    packages = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
    return {
        "bigdeep": __version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
    }


def git_commit() -> str:
    """The commit of the checkout bigdeep runs from, with "+changes" if files differ from it; "" outside one."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(pathlib.Path(__file__).parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""
