"""The gradient check finds a planted bug, and only that one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bigdeep import configfile
from bigdeep.errors import BadInput
from bigdeep.models import layers
from bigdeep.tools import double, gradcheck
from conftest import run_bigdeep


def small(smoke, name):
    config = smoke(name)
    for layer in config["model"].get("layers", []):
        if layer["name"] == "convolution":
            layer["features"] = min(layer["features"], 16)
    if name == "deep":
        config["model"]["kind"] = "highway"
    if name == "fractalnet":
        config["model"] |= {"columns": 2, "norm": "batch"}
    return config


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("name", ["lenet5_maxpool", "fractalnet", "deep"])
@pytest.mark.slow
def test_every_layer_of_our_nets_is_right(smoke, name, x64):
    alone, through = gradcheck.check_net(*double.start(small(smoke, name)), images=3, positions=2)
    assert max(check.error for check in (*alone, *through)) < 2e-6
    assert {check.layer for check in alone} >= {"output", gradcheck.WHOLE}
    assert {check.tensor for check in through} >= {"kernel", "bias", "input"}


@pytest.mark.slow
def test_every_member_of_a_committee_is_right(smoke, x64):
    config = smoke("speedrun_60min")
    config["model"]["members"] = [{**net, "widths": [5]} for net in config["model"]["members"]]
    start = double.start(config)
    alone, through = gradcheck.check_net(*start, images=8, positions=2)
    assert max(check.error for check in (*alone, *through)) < 2e-6
    assert {check.layer for check in alone} >= {"member1/output", "member2/dense1", gradcheck.WHOLE}
    for few in (2, 3):
        with pytest.raises(BadInput, match=f"--images: found {few}, expected a multiple of 2, at least two for each"):
            gradcheck.check_net(*start, images=few, positions=2)


@pytest.mark.slow
def test_the_bug_of_the_second_source_is_found_and_named(smoke, x64, monkeypatch):
    """The layers before it are wrong through the net too, but only its own backward pass is wrong alone."""
    _, bug = configfile.study("planted_bug")
    monkeypatch.setitem(layers.LAYERS, "flatten", bug.buggy_flatten)
    start = double.start(small(smoke, "lenet5_maxpool"))
    alone, through = gradcheck.check_net(*start, images=3, positions=2)
    assert {check.layer for check in gradcheck.culprits(alone, gradcheck.TOLERANCE)} == {"flatten1"}
    wrong = {check.layer for check in through if check.error > gradcheck.TOLERANCE}
    assert {"convolution1", "convolution2", "convolution3"} <= wrong
    assert "output" not in wrong
    assert "WRONG" in gradcheck.table(alone, through, gradcheck.TOLERANCE)


def test_differences_pass_over_kinks_and_find_wrong_gradients(rng, x64):
    x = {"x": jnp.asarray([0.0, 0.5, -0.5])}
    ((name, error, _, _, compared, kinks),) = gradcheck.compare(lambda t: jnp.abs(t["x"]).sum(), x, 3, rng)
    assert (name, compared, kinks) == ("x", 2, 1)
    assert error < 1e-9

    @jax.custom_vjp
    def cube(x):
        return x**3

    cube.defvjp(lambda x: (x**3, x), lambda x, g: (2 * g * x**2,))
    ((_, error, autodiff, difference, *_),) = gradcheck.compare(lambda t: cube(t["x"]).sum(), x, 3, rng)
    assert error == pytest.approx(1 / 3, rel=1e-3)
    assert autodiff / difference == pytest.approx(2 / 3, rel=1e-3)
    assert np.isfinite(difference)


def test_a_gradient_that_is_no_number_is_wrong_and_one_of_kinks_is_not_compared(rng, x64):
    def root(t):
        return jnp.where(t["x"] > 5, jnp.sqrt(t["x"] - 5), t["x"]).sum()  # nan * 0 in the backward pass

    ((_, error, *_),) = gradcheck.compare(root, {"x": jnp.asarray([1.0, 2.0])}, 2, rng)
    assert error == np.inf
    ((_, error, _, _, compared, kinks),) = gradcheck.compare(
        lambda t: jnp.abs(t["x"]).sum(), {"x": jnp.zeros(3)}, 2, rng
    )
    assert (error, compared, kinks) == (0, 0, 3)
    check = gradcheck.Check("a", "Abs", "input", error, 0.0, 0.0, compared, kinks)
    assert "nothing but kinks" in gradcheck.table([check], [], 1e-5)


@pytest.mark.slow
def test_the_command_prints_a_table():
    done = run_bigdeep("bigdeep.tools.gradcheck", "--config=configs/two_layer.py:smoke", "--positions=1")
    assert done.returncode == 0, done.stderr
    assert "dense1" in done.stdout
    assert "agree with central differences" in done.stdout
