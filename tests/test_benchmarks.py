"""Benchmarks time what a config trains: their own changes to it are accepted, and the peers have as many weights."""

import runpy

import pytest

from bigdeep import experiment
from conftest import ROOT


@pytest.mark.parametrize("file", ["configs/lenet5_maxpool.py", "configs/taught.py", "configs/mlp5.py"])
def test_the_peer_is_the_same_net(file, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    nets = runpy.run_path(str(ROOT / "benchmarks" / "nets.py"))
    config = nets["config_of"](file, nets["NETS"][file][0])
    config["data"]["source"] = "embedded"
    make, _ = nets["PEERS"][config["name"]]
    # Beside batch norm's shift our layers have no bias, as the peer's.
    count = sum(weights.numel() for weights in make().parameters())
    assert f"{count:,}" in experiment.build(config).model.table()
