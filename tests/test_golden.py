"""The same bits as ever: hashes of three small trainings, for the pinned versions on one kind of processor.

A change of arithmetic is wanted now and then; it is made alone, and the hashes here and the lab notebook say so.
"""

import importlib.metadata
import json
import os
import pathlib
import platform

import jax
import pytest

from conftest import run_bigdeep

# state_sha256 after the miniature, with what XLA compiles for x86-64 with AVX2 and without AVX-512, on two cores.
GOLDEN = {
    "two_layer": "7cc27ce44bbe35d1",
    "deep": "94abfc7880b4cde5",
    "mlp2": "18c8c7fd8f02dbcd",
}
VERSIONS = {"jax": "0.10.2", "jaxlib": "0.10.2", "flax": "0.12.8", "optax": "0.2.8"}


def elsewhere() -> str:
    """Why the hashes say nothing here, "" where they do."""
    found = {name: importlib.metadata.version(name) for name in VERSIONS}
    if found != VERSIONS:
        return f"hashes are of {VERSIONS}, found {found}"
    info = pathlib.Path("/proc/cpuinfo")
    flags = set(info.read_text().split()) if info.exists() else set()
    if platform.machine() != "x86_64" or "avx2" not in flags or "avx512f" in flags:
        return "hashes are of an x86-64 processor with AVX2 and without AVX-512"
    cores = len(os.sched_getaffinity(0))
    return "" if cores == 2 and jax.default_backend() == "cpu" else f"hashes are of two cores, found {cores}"


@pytest.mark.parametrize("name", GOLDEN)
def test_the_miniature_ends_in_the_same_bits_as_ever(name, tmp_path):
    if reason := elsewhere():
        pytest.skip(reason)
    done = run_bigdeep(f"--config={name}:smoke", f"--workdir={tmp_path}", "--json", XLA_FLAGS="")
    assert json.loads(done.stdout)["state_sha256"].startswith(GOLDEN[name])
