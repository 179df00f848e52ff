"""Every config: what it promises in its docstring, and that its miniature trains, or is like one that does."""

import json
import pathlib
import runpy

import numpy as np
import pytest

from bigdeep import experiment, train, writer
from conftest import ROOT

CONFIGS = sorted((ROOT / "configs").glob("*.py"))
NAMES = [path.stem for path in CONFIGS]
COUNTS = {"mlp2": 1_347_510, "mlp3": 3_269_510, "mlp4": 6_692_010, "mlp5": 12_115_010, "mlp9": 8_860_010}
# These differ from mlp2 and mlp5 in widths and numbers only: they are built, but not trained once more.
LIKE_OTHERS = {"mlp3", "mlp4", "mlp9", "speedrun_45s", "speedrun_6min", "speedrun_45min"}


def full(name: str) -> dict:
    return runpy.run_path(str(ROOT / "configs" / f"{name}.py"))["get_config"]().to_dict()


@pytest.mark.parametrize("path", CONFIGS, ids=NAMES)
def test_docstring_names_source_command_cost_and_expectation(path: pathlib.Path):
    text = runpy.run_path(str(path))["__doc__"]
    for part in ("Source:", f"--config=configs/{path.name}", "Cost:", "Expected:"):
        assert part in text
    assert "TODO" not in text


@pytest.mark.parametrize("name", NAMES)
def test_the_full_config_is_accepted(name):
    """Everything but the data, which may not be there: the embedded digits stand in."""
    config = {**full(name), "name": name}
    config["data"] |= {"source": "embedded", "name": "mnist"}
    experiment.build(config)


def variants() -> list[tuple[str, str]]:
    found = [(path.stem, variant) for path in CONFIGS for variant in runpy.run_path(str(path)).get("VARIANTS", ())]
    return [pair for pair in found if pair != ("dark_knowledge", "distilled")]  # needs its teacher's run


@pytest.mark.parametrize(("name", "variant"), variants())
def test_every_variant_is_accepted(name, variant):
    config = runpy.run_path(str(ROOT / "configs" / f"{name}.py"))["get_config"](variant).to_dict()
    config["data"] |= {"source": "embedded"} | ({"name": "mnist"} if config["data"]["name"] == "cifar10" else {})
    if name == "augmentations" and variant == "cifar":
        config["data"]["size"] = 32
    experiment.build({**config, "name": f"{name}:{variant}"})


@pytest.mark.parametrize(("name", "count"), {**COUNTS, "mlp5_paper": COUNTS["mlp5"]}.items())
def test_the_papers_nets_have_the_papers_parameter_counts(name, count):
    """Batch norm adds a scale a hidden unit to them, its shift is the bias."""
    config = {**full(name), "name": name}
    config["data"]["source"] = "embedded"
    scales = sum(config["model"]["widths"]) if config["model"]["norm"] == "batch" else 0
    assert f"{count + scales:,}" in experiment.build(config).model.table()
    config["model"]["norm"] = "none"
    assert f"{count:,}" in experiment.build(config).model.table()


def test_the_paper_to_the_letter():
    config = full("mlp5_paper")
    assert config["batch_size"] == 1
    assert config["optimizer"] == {"name": "sgd"}
    assert (config["schedule"]["rate"], config["schedule"]["end"]) == (1e-3, 1e-6)
    assert (config["model"]["activation"], config["model"]["init"]) == ("scaled_tanh", "uniform_0.05")
    assert config["loss"]["label_smoothing"] == 0.0
    assert config["regularisers"] == []


@pytest.mark.parametrize("name", sorted(set(NAMES) - LIKE_OTHERS))
def test_the_miniature_trains(name, smoke, tmp_path):
    result = train.run(smoke(name), str(tmp_path))
    losses = [row["train_loss"] for row in writer.read_rows(tmp_path / "metrics.jsonl")]
    assert losses[-1] < 0.8 * losses[0]
    assert result["test_errors_final"] < 0.6 * result["test_total"]
    assert np.isfinite(losses).all()
    json.dumps(result)


@pytest.mark.parametrize("name", sorted(LIKE_OTHERS))
def test_a_miniature_like_another_is_accepted(name, smoke):
    built = experiment.build(smoke(name))
    assert built.total_steps < 10 * built.epoch_steps
