"""Weights too large for one device: in columns on several, the same numbers."""

import json

import jax
import jax.numpy as jnp
import pytest

from bigdeep.run import layout
from bigdeep.run.journal import read_rows
from conftest import run_bigdeep

FOUR = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
OPTIONS = ["--config=mlp2:smoke", "--config.epochs=1", "--config.log_steps=1", "--config.model.precision=float32"]


@pytest.mark.slow
def test_columns_of_weights_on_several_devices_give_the_same_numbers(tmp_path):
    """Two by two devices beside one; evaluated, and gone on with, on other numbers of devices."""
    for name, options, environment in (("one", [], {}), ("four", ["--config.model_shards=2"], FOUR)):
        done = run_bigdeep(*OPTIONS, *options, f"--workdir={tmp_path / name}", **environment)
        assert done.returncode == 0, done.stderr
    rows = [read_rows(tmp_path / name / "metrics.jsonl") for name in ("one", "four")]
    for key in ("train_loss", "gradient_norm"):
        first = [[row[key] for row in run[:2]] for run in rows]  # later steps drift apart, as with any order of sums
        assert first[1] == pytest.approx(first[0], rel=1e-5)
    counted = [
        json.loads(run_bigdeep("bigdeep.evaluate", f"--workdir={tmp_path / 'four'}", **environment).stdout)
        for environment in ({}, FOUR)
    ]
    assert counted[0] == counted[1]
    result = json.loads((tmp_path / "four" / "result.json").read_text())
    assert counted[0]["test_errors"] == result["test_errors_at_best_validation"]
    more = [*OPTIONS, "--config.epochs=2", "--force_resume", f"--workdir={tmp_path / 'four'}"]
    assert run_bigdeep(*more).returncode == 0


def test_matrices_are_cut_into_columns_where_they_can_be(monkeypatch):
    monkeypatch.setattr(layout, "mesh", lambda shards: jax.sharding.AbstractMesh((1, shards), ("data", "model")))
    shapes = {"kernel": (841, 100), "output": (100, 10), "bias": (100,), "maps": (5, 5, 1, 8), "step": ()}
    tree = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in shapes.items()}
    cut = {name: tuple(sharding.spec) for name, sharding in layout.placed(tree, 4).items()}
    assert cut == {"kernel": (None, "model"), "output": (), "bias": (), "maps": (None, None, None, "model"), "step": ()}
    assert all(tuple(sharding.spec) == () for sharding in layout.placed(tree, 1).values())
