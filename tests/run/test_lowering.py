"""The training step lowered for accelerators that are not here: what can be seen of it without one."""

import functools
import re

import jax
import pytest

from bigdeep import experiment, programs
from bigdeep.models import product

PLATFORMS = ("cuda", "tpu")


def lowered(name: str, smoke, platform: str) -> str:
    """StableHLO of two steps of a miniature for a platform."""
    built = experiment.build(smoke(name))
    program = jax.jit(functools.partial(programs.compiled_steps(built), length=2))
    return program.trace(experiment.abstract_state(built)).lower(lowering_platforms=(platform,)).as_text()


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", ["mlp5", "lenet5", "simard_conv", "fractalnet", "convnet", "deep", "speedrun_60min"])
def test_a_step_lowers_for_accelerators_and_stays_on_them(name, platform, smoke, monkeypatch):
    monkeypatch.setattr(product, "_multiplied_fast", lambda: True)
    text = lowered(name, smoke, platform)
    assert "stablehlo.while" in text  # the scan over steps: one program, not one per step
    for leaving in ("callback", "infeed", "outfeed", "SendToHost"):
        assert leaving not in text, leaving
    assert "f64" not in text


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_paper_s_nets_multiply_bfloat16_there(platform, smoke, monkeypatch):
    """Three products a layer forward and backward, but two of the first, whose inputs need no gradient."""
    monkeypatch.setattr(product, "_multiplied_fast", lambda: True)
    text = lowered("mlp5", smoke, platform)
    products = re.findall(r"dot_general.*: \((\S+), (\S+)\) -> (\S+)", text)
    rounded = [p for p in products if "bf16" in p[0] and "bf16" in p[1] and "xf32" in p[2]]
    layers = 6
    assert len(rounded) >= 3 * layers - 1
