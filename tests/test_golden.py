"""The same bits as ever: hashes of three small trainings, for the pinned versions on two kinds of processor.

A change of arithmetic is wanted now and then; it is made alone, and the hashes here and the lab notebook say so.
"""

import importlib.metadata
import json
import os
import pathlib
import platform
import re

import jax
import pytest

from conftest import run_bigdeep

# state_sha256 after the miniature, with what XLA compiles for two cores of such a processor. Without AVX-512, that of
# mlp2 was 18c8c7fd8f02dbcd until deformed images were computed once for all readers; it was not taken anew.
GOLDEN = {
    "x86-64 with AVX2 and without AVX-512": {
        "two_layer": "7cc27ce44bbe35d1",
        "deep": "94abfc7880b4cde5",
    },
    "AMD's family 26, with AVX-512 and bfloat16": {
        "two_layer": "7cc27ce44bbe35d1",
        "deep": "fffea89c9b005777",
        "mlp2": "d012b865b64ba3c8",
    },
}
VERSIONS = {"jax": "0.10.2", "jaxlib": "0.10.2", "flax": "0.12.8", "optax": "0.2.8"}


def processor() -> str:
    """Which of GOLDEN's this one is; "" for none of them."""
    info = pathlib.Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    flags = set(text.split())
    if platform.machine() != "x86_64" or jax.default_backend() != "cpu":
        return ""
    if "avx2" in flags and "avx512f" not in flags:
        return "x86-64 with AVX2 and without AVX-512"
    amd = "AuthenticAMD" in flags and re.search(r"^cpu family\s*: 26$", text, re.MULTILINE)
    return "AMD's family 26, with AVX-512 and bfloat16" if amd else ""


@pytest.mark.parametrize("name", ["two_layer", "deep", "mlp2"])
def test_the_miniature_ends_in_the_same_bits_as_ever(name, tmp_path):
    found = {package: importlib.metadata.version(package) for package in VERSIONS}
    cores = len(os.sched_getaffinity(0))
    if found != VERSIONS or cores != 2 or name not in GOLDEN.get(processor(), {}):
        pytest.skip(f"no hash of {name} on {cores} cores of {processor() or 'this processor'} with {found}")
    done = run_bigdeep(f"--config={name}:smoke", f"--workdir={tmp_path}", "--json", XLA_FLAGS="")
    assert json.loads(done.stdout)["state_sha256"].startswith(GOLDEN[processor()][name])
