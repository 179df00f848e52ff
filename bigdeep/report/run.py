"""A run folder as a report sees it: JSON and arrays, no JAX, and nothing that the folder does not hold."""

import functools
import pathlib
from collections.abc import Mapping, Set

import numpy as np

from bigdeep.errors import BadInput, require
from bigdeep.place import absolute, below
from bigdeep.report.tables import nets
from bigdeep.run import journal, record

KEYS = {"name", "seed", "epochs", "batch_size", "data", "model"}  # of a config, that pages speak of
DIGITS = ("mnist", "mnist-5k")  # data sets of digits, light on dark, in MNIST's frame
POINTS = 500  # of a curve: more cannot be seen


class Run:
    """config, dataset: of config.json, `about` all of it. rows: of metrics. result: {} until the run has finished."""

    def __init__(self, workdir: pathlib.Path):
        self.workdir = workdir
        self.about = record.stored_identity(workdir) or {}
        require(self.about, f"--workdir {workdir}", "no config.json", "a folder that a run was trained in")
        self.config, self.dataset = self.about["config"], self.about["dataset"]
        whole = set(self.config) >= KEYS and {"name", "sha256", "classes"} <= set(self.dataset)
        require(whole, f"{workdir / 'config.json'}", "other keys", "those of a run")
        self.rows = journal.read_rows(workdir / "metrics.jsonl")
        self.result = record.read_result(workdir)
        self.best = record.best_row(self.rows) or {}

    @property
    def name(self) -> str:
        """The config's name, and the folder's where that is another."""
        folder, config = absolute(self.workdir).name, self.config["name"]
        return config if folder == config.replace(":", "-") else f"{config} ({folder})"

    @property
    def names(self) -> list[str]:
        """The names of the classes."""
        return self.dataset.get("names") or [str(i) for i in range(self.dataset["classes"])]

    @functools.cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """predictions.npz, see bigdeep/findings.py; {} where there is none that can be read."""
        return arrays(self.workdir / "predictions.npz", {"probabilities", "labels", "wrong", "images"})

    @functools.cached_property
    def pictures(self) -> dict[str, np.ndarray]:
        """pictures.npz."""
        return arrays(self.workdir / "pictures.npz", {"originals", "deformed", "weights"})

    @property
    def digits(self) -> bool:
        """Whether its images are MNIST's, light on dark, which are better seen as ink on paper."""
        return self.dataset["name"] in DIGITS

    def error(self) -> float | None:
        """Test error at best validation in percent; None before the first evaluation."""
        return 100 * self.best["test_errors"] / self.best["test_total"] if self.best else None

    def expected(self) -> str:
        """What the net's source has, for people; "" where there is none, or the data are others."""
        name = self.config["name"]
        if self.dataset["name"] in ("mnist", "cifar10") and (net := nets.paper_net(name)):
            error, _, hours = nets.PAPER[net]
            return f"{error:.2f} % in {hours} h on a GTX 280, Cireşan et al. 2010"
        return nets.SOURCES.get(name, "") if self.dataset["name"] in ("mnist", "cifar10") else ""

    def epochs(self) -> int:
        """How many there are to be."""
        return self.config["epochs"]


def arrays(path: pathlib.Path, keys: Set[str]) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, none of them of objects; {} where it is missing or damaged, or one of `keys` is."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except Exception:  # NumPy and zipfile raise a dozen kinds for damaged files
        return {}
    return found if keys <= found.keys() else {}


def curves(run: Run) -> dict:
    """{epoch, seconds, series: {name: values}, layers: {layer: update ratios}}, thinned; None for no value."""
    rows = run.rows
    stride = -(-len(rows) // POINTS)
    kept = [row for i, row in enumerate(rows) if i % stride == 0 or i == len(rows) - 1 or "test_errors" in row]
    series = {name: [_percent(row, name) for row in kept] for name in ("validation", "test")}
    series |= {key: [_short(row.get(key)) for row in kept] for key in ("train_loss", "learning_rate", "gradient_norm")}
    series["train"] = [_short(None if row.get("train_error") is None else 100 * row["train_error"]) for row in kept]
    names = list(kept[-1].get("layers", {})) if kept else []
    stepped = [row.get("layers", {}) for row in kept]
    ratios = {name: [_short(layers.get(name, {}).get("update_ratio")) for layers in stepped] for name in names}
    return {
        "epoch": [_short(row.get("epoch", 0.0)) for row in kept],
        "seconds": [_short(row.get("seconds", 0.0)) for row in kept],
        "series": {name: values for name, values in series.items() if any(v is not None for v in values)},
        "layers": {name: values for name, values in ratios.items() if any(v is not None for v in values)},
    }


def _percent(row: Mapping, split: str) -> float | None:
    errors, total = row.get(f"{split}_errors"), row.get(f"{split}_total")
    return None if errors is None or not total else _short(100 * errors / total)


def _short(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(f"{value:.5g}")


def runs_below(folder: pathlib.Path) -> list[Run]:
    """The runs in a folder and the folders in it, in order; those that cannot be read are left out."""
    found = []
    for path in sorted(path for path in below(folder) if path.name == "config.json"):
        try:
            found.append(Run(path.parent))
        except BadInput:
            continue
    return found
