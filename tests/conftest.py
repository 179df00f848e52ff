"""Strict JAX for all tests: no silent broadcasting of ranks, warnings are errors (setup.cfg)."""

import os
import pathlib
import subprocess
import sys

# Tests spend most of their time compiling: without LLVM's optimizations that takes half as long, and the programs are
# the same but for their last bits. Those that are about bits as users get them set XLA_FLAGS themselves.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import jax
import numpy as np
import pytest

import warm
from bigdeep import configfile, data
from bigdeep.augment.deformation import Deformation
from bigdeep.data import embedded
from bigdeep.run import machine
from bigdeep.sections import plain

ROOT = pathlib.Path(__file__).parent.parent

jax.config.update("jax_numpy_rank_promotion", "raise")
if "PYTEST_XDIST_WORKER" in os.environ:  # a cache of compiled programs each: no worker reads what another half wrote
    cache = pathlib.Path.home() / ".cache" / "bigdeep" / f"jax-{os.environ['PYTEST_XDIST_WORKER']}"
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache))
    jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
machine.prepare()


def start_bigdeep(*arguments: object, **environment: str) -> subprocess.Popen:
    """`python -m bigdeep.main` (or the module named first) in a process of its own, from the root of the checkout."""
    module = "bigdeep.main"
    if arguments and str(arguments[0]).startswith("bigdeep."):
        module, *arguments = arguments
    command = [sys.executable, "-W", "error", "-m", module, *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, **pipes)


def run_bigdeep(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
    """The same to its end, which has to come within two minutes; forked where the environment can be set later."""
    if all(name in warm.SETTABLE for name in environment):
        first = str(arguments[0]) if arguments else ""
        module, rest = (first, arguments[1:]) if first.startswith("bigdeep.") else ("bigdeep.main", arguments)
        return warm.run(module, list(map(str, rest)), {**os.environ, **environment})
    with start_bigdeep(*arguments, **environment) as process:
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def displacements(deformation: Deformation, labels: np.ndarray, shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """What a deformation adds to the coordinates: float32 (B, 2, H, W), (d_y, d_x)."""
    key = jax.random.key(seed)
    if deformation.displace:
        both = deformation.displace(key, labels)
    else:
        both = [np.asarray(c) @ deformation.linear.basis for c in deformation.linear.coefficients(key, labels)]
    return np.stack([np.asarray(d, np.float32).reshape(-1, *shape) for d in both], axis=1)


@pytest.fixture(scope="session")
def digits() -> data.Dataset:
    """The 5,000 real digits that are always there."""
    return embedded.digits()


@pytest.fixture(scope="session")
def mnist() -> data.Dataset:
    """All of MNIST, or a skip that says why."""
    if not os.environ.get("BIGDEEP_DATA_DIR"):
        pytest.skip("needs MNIST: set BIGDEEP_DATA_DIR")
    return data.load("mnist", "idx", "")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def smoke():
    """smoke("mlp2") is a fresh plain dict of that config's miniature, named "test"."""

    return lambda name: {**plain(configfile.load(f"{ROOT / 'configs' / name}.py:smoke")), "name": "test"}
