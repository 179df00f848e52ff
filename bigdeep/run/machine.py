"""The machine a run is on: compilation cache, devices, and what a record says of its origin."""

import importlib.metadata
import importlib.util
import os
import pathlib
import platform
import shlex
import subprocess
import sys

import jax

from bigdeep import __version__, cache
from bigdeep.errors import BadInput, first_line, require

# By default XLA hands convolutions on CPUs to YNNPACK, which takes three to four times as long as Eigen. Products stay
# there: those of bfloat16 take half as long.
EIGEN_CONVOLUTION = "--xla_cpu_experimental_ynn_fusion_type=-LIBRARY_FUSION_TYPE_INDIVIDUAL_CONVOLUTION"


def select(platform: str, threads: int = 0) -> None:
    """Settles what cannot be changed once a backend has started; to be called first.

    platform: "cpu" for the CPU also where there is something better; the others are the best there is anyway.
    threads: how many a CPU's backend has, whatever the number of its cores or devices; 0 for one a core. XLA compiles
    loops for this number, which decides about last bits, and JAX's cache does not know it: it gets a folder of its own.
    """
    if platform == "cpu":
        jax.config.update("jax_platforms", "cpu")
    if isinstance(threads, int) and threads > 0:
        os.environ["NPROC"] = str(threads)
        folder = jax.config.jax_compilation_cache_dir or str(cache.folder("jax"))
        jax.config.update("jax_compilation_cache_dir", f"{folder}-{threads}-threads")


def prepare(platform: str = "") -> None:
    """Sees that there are devices, and keeps compiled programs in the user's cache folder.

    platform: "cpu", "gpu" or "tpu" that the devices have to be; "" for the best that JAX finds. JAX alone would go on
    with the CPU where a driver is missing. JAX_COMPILATION_CACHE_DIR names another folder.
    """
    if not any(importlib.util.find_spec(plugin) for plugin in ("jax_plugins", "libtpu")):
        _flag(EIGEN_CONVOLUTION)  # an accelerator's plugin reads XLA_FLAGS as well, and may not know it
    device_count()
    found = jax.default_backend()
    wanted = f"{platform}; see launch/README.md, Accelerators"
    require(platform in ("", found), "--platform", f"{found} ({jax.devices()[0].device_kind})", wanted)
    if not jax.config.jax_compilation_cache_dir:
        jax.config.update("jax_compilation_cache_dir", str(cache.folder("jax")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def _flag(flag: str) -> None:
    """Sets a flag of XLA's, unless the user has."""
    flags = os.environ.get("XLA_FLAGS", "")
    if flag.partition("=")[0] not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {flag}".strip()


def device_count() -> int:
    """How many devices there are; BadInput where the backend that was asked for cannot be had."""
    try:
        return jax.device_count()
    except (RuntimeError, AssertionError) as error:  # the latter where JAX finds no backend at all
        wanted = os.environ.get("JAX_PLATFORMS", "")
        raise BadInput(f"JAX_PLATFORMS: found {wanted!r} ({first_line(error)}), expected one that is here") from None


def origin() -> dict:
    """Where a record comes from: {device, versions, git_commit}."""
    return {"device": device(), "versions": versions(), "git_commit": git_commit()}


def command() -> str:
    """The command that started this process, as it would be typed."""
    return shlex.join(["python", *sys.orig_argv[1:]])


def device() -> str:
    """What the run computes on, with the processor's name on a CPU: '1 x cpu (AMD EPYC, 2 cores)'."""
    kind = f"{device_count()} x {jax.devices()[0].device_kind}"
    if jax.default_backend() != "cpu":
        return kind
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
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
    """The commit of bigdeep's own checkout, with "+changes" if files differ from it; else "unknown (the reason)".

    A repository that bigdeep merely lies in, as that of a project with bigdeep in its environment, is not asked.
    """
    root = pathlib.Path(__file__).parents[2]
    if not (root / ".git").exists():
        return "unknown (bigdeep is installed from a package)"

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except OSError as error:
        return f"unknown (git: {error.strerror})"
    except subprocess.CalledProcessError as error:
        return f"unknown (git: {next(iter(error.stderr.strip().splitlines()), 'failed')})"
