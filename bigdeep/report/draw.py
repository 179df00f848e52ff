"""A page to draw a digit on, with a net inside it: the forward pass runs in the browser. No JAX."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from bigdeep.errors import require
from bigdeep.report.html import TEMPLATES, rendered
from bigdeep.report.run import DIGITS

EPSILON = {"batch": 1e-5, "layer": 1e-6}  # flax's defaults


def page(config: Mapping, dataset: Mapping, weights: Mapping, result: Mapping, temperature: float) -> str:
    """The page. weights: {"params", "model_state"} of an mlp, as arrays; result: the run's, {} for none."""
    section, (height, width, channels) = config["model"], dataset["shape"]
    digits = dataset["name"] in DIGITS and channels == 1 and height == width >= 28
    found = f"{section['name']} for images of {dataset['name']}, {height} x {width} x {channels}"
    require(digits and section["name"] == "mlp", "--page", found, "an mlp for MNIST's digits")
    net = {"size": height, "names": dataset["names"], "layers": layers(section, weights), "temperature": temperature}
    error = ""
    if result:
        errors, total = result["test_errors_at_best_validation"], result["test_total"]
        error = f"{100 * errors / total:.2f} % test error on {dataset['name']}"
    context = {"title": f"Draw a digit: {config['name']}", "config": config, "error": error, "net": net}
    return rendered("draw.html.j2", context | {"script": (TEMPLATES / "draw.js").read_text("utf-8")})


def layers(section: Mapping, weights: Mapping) -> list[dict]:
    """What draw.js computes, layer by layer: activation(norm(x kernel) scale + shift)."""
    params, statistics = weights["params"], weights["model_state"].get("batch_stats", {})
    rounded, found = section["precision"] == "bfloat16", []
    for name in [*(f"dense{i + 1}" for i in range(len(section["widths"]))), "output"]:
        own, last = params[name], name == "output"
        norm = "none" if last else section["norm"]
        scale, shift = np.ones(own["kernel"].shape[1], np.float32), own.get("bias")
        if norm == "batch":
            mean, variance = (np.float32(statistics[name]["norm"][key]) for key in ("mean", "var"))
            scale = np.float32(own["norm"]["scale"]) / np.sqrt(variance + np.float32(EPSILON["batch"]))
            shift = np.float32(own["norm"]["bias"]) - mean * scale
        elif norm == "layer":
            scale, shift = own["norm"]["scale"], own["norm"]["bias"]
        found.append(
            {
                "kernel": _packed(own["kernel"], rounded),
                "inputs": int(own["kernel"].shape[0]),
                "rounded": rounded,
                "normalise": EPSILON["layer"] if norm == "layer" else 0,
                "scale": _packed(scale, False),
                "shift": _packed(shift, False),
                "activation": "linear" if last else section["activation"],
            }
        )
    return found


def _packed(values: Any, rounded: bool) -> str:
    """Little-endian float32 or bfloat16, in base64."""
    kind: Sequence = (ml_dtypes.bfloat16, "<u2") if rounded else (np.float32, "<u4")
    return base64.b64encode(np.asarray(values).astype(kind[0]).view(kind[1]).tobytes()).decode()
