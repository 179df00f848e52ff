"""Every config: what it promises in its docstring, and that its miniature trains, or is like one that does."""

import ast
import itertools
import json
import pathlib
import tokenize

import numpy as np
import pytest

from bigdeep import configfile, experiment, training
from bigdeep.run.journal import read_rows
from bigdeep.sections import plain
from conftest import ROOT

CONFIGS = sorted((ROOT / "configs").glob("*.py"))
NAMES = [path.stem for path in CONFIGS]
COUNTS = {"mlp2": 1_347_510, "mlp3": 3_269_510, "mlp4": 6_692_010, "mlp5": 12_115_010, "mlp9": 8_860_010}
# These differ from mlp2 and mlp5 in widths and numbers only: they are built, but not trained once more.
LIKE_OTHERS = {
    "mlp3",
    "mlp4",
    "mlp9",
    "speedrun_45s",
    "speedrun_90s",
    "speedrun_6min",
    "speedrun_45min",
    "speedrun_directions",
}


def full(name: str, variant: str = "") -> dict:
    colon = ":" if variant else ""
    return plain(configfile.load(f"{ROOT / 'configs' / name}.py{colon}{variant}"))


@pytest.mark.parametrize("path", CONFIGS, ids=NAMES)
def test_docstring_names_source_command_cost_and_expectation(path: pathlib.Path):
    text = ast.get_docstring(ast.parse(path.read_text()))
    for part in ("Source:", f"--config=configs/{path.name}", "Cost:", "Expected:"):
        assert part in text
    assert "TODO" not in text


@pytest.mark.parametrize("name", NAMES)
def test_the_full_config_is_accepted(name):
    """Everything but the data, which may not be there: the embedded digits stand in."""
    config = full(name)
    config["data"] |= {"source": "embedded", "name": "mnist"}
    experiment.build(config)


def variants() -> list[tuple[str, str]]:
    modules = {name: configfile.sibling(str(ROOT / "configs" / "any"), name) for name in NAMES}
    return [(name, variant) for name, module in modules.items() for variant in module.VARIANTS[1:]]


@pytest.mark.parametrize(("name", "variant"), variants())
@pytest.mark.slow
def test_every_variant_is_accepted(name, variant):
    """Everything but data and teachers, which may not be there."""
    config = full(name, variant)
    if config["loss"]["name"] == "distillation":
        config["loss"] = {"name": "cross_entropy", "label_smoothing": 0.0}
    config["data"] |= {"source": "embedded"} | ({"name": "mnist"} if config["data"]["name"] == "cifar10" else {})
    if name == "augmentations" and variant == "cifar":
        config["data"]["size"] = 32
    experiment.build(config)


@pytest.mark.parametrize(("name", "count"), {**COUNTS, "mlp5_paper": COUNTS["mlp5"]}.items())
def test_the_papers_nets_have_the_papers_parameter_counts(name, count):
    """Batch norm adds a scale a hidden unit to them, its shift is the bias."""
    config = full(name)
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
@pytest.mark.slow
def test_the_miniature_trains(name, smoke, tmp_path):
    result = training.run(smoke(name), str(tmp_path))
    losses = [row["train_loss"] for row in read_rows(tmp_path / "metrics.jsonl")]
    assert losses[-1] < 0.8 * losses[0]
    assert result["test_errors_final"] < 0.6 * result["test_total"]
    assert np.isfinite(losses).all()
    json.dumps(result)


@pytest.mark.parametrize("name", sorted(LIKE_OTHERS))
def test_a_miniature_like_another_is_accepted(name, smoke):
    built = experiment.build(smoke(name))
    assert built.plan.total_steps < 10 * built.plan.epoch_steps


def test_the_main_config_says_of_every_key_its_unit_and_range():
    """A comment behind each key of mlp5.py that holds a value, or on the line before it."""
    path = ROOT / "configs" / "mlp5.py"
    with path.open("rb") as file:
        commented = {token.start[0] for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT}
    lines = path.read_text().splitlines()
    first = lines.index("    config = ConfigDict()") + 1
    keys = [n for n, line in enumerate(lines, start=1) if n > first and "=" in line.partition("#")[0]]
    values = [n for n in keys if not lines[n - 1].partition("#")[0].rstrip().endswith(("(", "["))]
    assert len(values) > 30
    deformations = ['name="affine",', 'name="elastic",', 'name="sharpen",']  # their list says what they are
    assert [lines[n - 1].strip() for n in values if not {n, n - 1} & commented] == deformations


def test_configs_repeat_no_more_than_a_dozen_lines():
    texts = {path.stem: [line.strip() for line in path.read_text().splitlines() if line.strip()] for path in CONFIGS}
    for (one, a), (other, b) in itertools.combinations(texts.items(), 2):
        windows = {tuple(a[i : i + 13]) for i in range(len(a) - 12)}
        shared = [i for i in range(len(b) - 12) if tuple(b[i : i + 13]) in windows]
        assert not shared, f"{one} and {other} share more than twelve lines"


@pytest.mark.parametrize("variant", ["mlp2", "mlp3"])
def test_nets_of_directions_are_trained_as_those_of_pixels(variant):
    of_pixels, of_directions = full(variant, "averaged"), full("directions", variant)
    net = of_pixels["model"]
    layers = of_directions["model"]["layers"]
    assert [layer.get("width") for layer in layers] == [None, None, *net["widths"], 10]
    assert all(layer["activation"] == net["activation"] and layer["norm"] == net["norm"] for layer in layers[2:-1])
    same = {"model": None, "name": None}
    assert of_directions | same == of_pixels | same
