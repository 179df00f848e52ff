"""The same bits on any number of devices, and what the parts are summed to."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bigdeep import configfile, experiment, programs, step
from bigdeep.errors import BadInput
from bigdeep.run import folder, layout, leaves
from bigdeep.run.fixed_order import fixed_order
from bigdeep.sections import plain
from conftest import run_bigdeep

# The published recipe in its miniature: deformations, mixup, batch norm, AdamW, rounded factors, an average.
AVERAGE = "--config.regularisers=[{'name': 'average', 'share': 0.1}]"
OPTIONS = ["--json", "--config=mlp2:smoke", "--config.fixed_order_shards=8", "--config.log_steps=11", AVERAGE]


def trained(workdir, devices: int, *options: str) -> dict:
    environment = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}
    done = run_bigdeep(*OPTIONS, *options, f"--workdir={workdir}", **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_one_two_and_eight_devices_end_in_the_same_bits_and_share_a_checkpoint(tmp_path):
    """Also a run of one epoch on eight devices that goes on alone for another."""
    one, two, eight = (trained(tmp_path / str(n), n, "--config.epochs=1")["state_sha256"] for n in (1, 2, 8))
    assert one == two == eight
    averages = [folder.net(tmp_path / n) for n in ("1", "2", "8")]
    assert len({leaves.tree_hash({"weights": net.params, "norm": net.model_state}) for net in averages}) == 1
    on = ["--config.epochs=2", "--config.schedule={'name': 'constant', 'rate': 1e-3}", "--config.strength=((0., 1.),)"]
    whole = trained(tmp_path / "whole", 2, *on)
    trained(tmp_path / "part", 8, "--config.epochs=1", *on[1:])
    resumed = trained(tmp_path / "part", 1, "--force_resume", *on)
    assert resumed["state_sha256"] == whole["state_sha256"]


@pytest.fixture
def plain_config(smoke):
    """A net without batch norm on undeformed images: what a batch gives does not depend on how it is cut."""
    config = smoke("mlp2")
    config |= {"augment": [], "mixup": 0.0, "strength": ((0.0, 1.0),)}
    config["model"] |= {"norm": "none", "precision": "float32"}
    return config


def test_the_parts_of_a_batch_give_what_the_whole_gives(plain_config):
    built = experiment.build(plain_config)
    state, (images, labels) = experiment.initial_state(built), (part[:120] for part in built.data.train)
    results = []
    for combine in (step.whole_batch, fixed_order(8, layout.mesh())):
        one_step = jax.jit(functools.partial(built.one_step, combine=combine))
        results.append(one_step(state, (jnp.asarray(images), jnp.asarray(labels)), jax.random.key(1)))
    for whole, parts in zip(*map(jax.tree.leaves, results), strict=True):
        np.testing.assert_allclose(parts, whole, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"fixed_order_shards": 6}, "config.fixed_order_shards: found 6, expected 0, or a power of two"),
        (
            {"fixed_order_shards": 16},
            "batch_size: found 120, expected a multiple of fixed_order_shards=16, as 112 or 128",
        ),
        ({"fixed_order_shards": 8, "batch_size": 8}, "config.batch_size: found 8, expected at least 16 for batch norm"),
        ({"model_shards": 2}, "config.model_shards: found 2, expected one that divides the 1 devices"),
        ({"fixed_order_shards": "8"}, "config.fixed_order_shards: found '8'"),
        ({"model_shards": 0}, "config.model_shards: found 0"),
    ],
)
def test_what_devices_cannot_share_is_refused(smoke, keys, message):
    with pytest.raises(BadInput, match=message):
        experiment.build(smoke("mlp2") | keys)


@pytest.mark.slow
def test_convolutions_and_columns_are_trained_in_order():
    """Their step can be traced for parts of a batch."""
    for name in ("lenet5:smoke", "fractalnet:smoke", "speedrun_60min:smoke"):
        config = plain(configfile.load(name))
        config |= {"fixed_order_shards": 2, "batch_size": 8}
        built = experiment.build(config)
        program = programs.compiled_steps(built)
        jax.eval_shape(functools.partial(program, length=1), experiment.abstract_state(built))
