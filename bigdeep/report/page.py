"""One self-contained page on a run, on several beside each other, or an index of all of a folder. No JAX."""

import json
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from bigdeep.report import comparison, images, mistakes
from bigdeep.report.html import COLOURS, TEMPLATES, axes, illustrated, rendered
from bigdeep.report.run import Run, curves
from bigdeep.run import files
from bigdeep.run.progress import duration


def write(workdirs: Sequence[pathlib.Path], path: pathlib.Path) -> None:
    """Writes the page of one run folder, or the comparison of several, to a file."""
    runs = [Run(workdir) for workdir in workdirs]
    files.write_text(path, of_run(runs[0]) if len(runs) == 1 else comparison.of_several(runs, path.parent))


def of_run(run: Run, live: bool = False) -> str:
    """The page of a run, finished or not. live: it looks for changes by itself, where it is served."""
    last = run.rows[-1] if run.rows else {}
    context = {
        "run": run,
        "title": f"{run.name}: {run.error():.2f} %" if run.best else run.name,
        "state": "finished" if run.result else f"epoch {last.get('epoch', 0):g} of {run.epochs()}",
        "running": live and not run.result,
        "facts": _facts(run, last),
        "charts": _charts(run),
        "layers": _layers(run.about.get("weights", {})),
        "command": run.about.get("command", f"python -m bigdeep.main --config={run.config['name']}"),
        "origin": _origin(run),
        "config": json.dumps(run.config, indent=1, ensure_ascii=False),
        "live": (TEMPLATES / "live.js").read_text("utf-8") if live else "",
    }
    return rendered("run.html.j2", context | _pictures(run) | _predictions(run, context["charts"]))


def _facts(run: Run, last: Mapping) -> list[tuple[str, str]]:
    """Name and value of what stands below the headline."""
    best, result = run.best, run.result
    facts = []
    if best:
        held_out = "validation" if run.config["data"]["validation"] != "train" else "undeformed training"
        facts.append((f"{held_out} errors", f"{best['validation_errors']:,} of {best['validation_total']:,}"))
        first, second = best["test_errors_halves"]
        facts.append(("test errors, halves", f"{first:,} + {second:,}"))
    if result:
        facts.append(("best, and last", f"{result['test_errors_best']:,}, {result['test_errors_final']:,}"))
        facts.append(("images a second", f"{result['images_per_second']:,.0f}"))
    elif last:
        facts.append(("images a second", f"{last['images_per_second']:,.0f}"))
    facts.append(("time", duration(last["seconds"]) if last else "none yet"))
    facts.append(("epochs", f"{run.epochs():,}, batches of {run.config['batch_size']:,}"))
    weights = sum(int(np.prod(shape)) for shape in run.about.get("weights", {}).values())
    facts += [("weights", f"{weights:,}")] if weights else []
    return facts


def _layers(shapes: Mapping[str, Sequence[int]]) -> list[tuple[str, str, int]]:
    """(layer, shapes of its tensors, how many weights) in the order of the net's dict."""
    layers: dict[str, list] = {}
    for name, shape in shapes.items():
        layer, _, tensor = name.rpartition("/")
        layers.setdefault(layer, []).append((tensor, shape))
    return [
        (layer, ", ".join(f"{t} {'×'.join(map(str, s)) or 1}" for t, s in own), sum(int(np.prod(s)) for _, s in own))
        for layer, own in layers.items()
    ]


def _origin(run: Run) -> list[tuple[str, str]]:
    origin = run.result or run.about.get("origin", {})
    versions = ", ".join(f"{name} {version}" for name, version in origin.get("versions", {}).items())
    found = {"machine": origin.get("device"), "commit": origin.get("git_commit"), "versions": versions}
    found |= {"folder": str(run.workdir), "started in": run.about.get("cwd"), "data, sha256": run.dataset["sha256"]}
    found |= {"weights, sha256": run.result.get("state_sha256")}
    return [(name, value) for name, value in found.items() if value]


def _charts(run: Run) -> dict:
    """{id: what charts.js draws there}."""
    data = curves(run)
    series, both = data["series"], axes(data)
    held_out = "validation" if run.config["data"]["validation"] != "train" else "training set, undeformed"
    shown = {"test": "test", "validation": held_out}
    named = [(shown[key], key, True) for key in shown] + [("training, as the net saw it", "train", False)]
    errors = [
        {"name": name, "values": series[key], "colour": COLOURS[i], "dots": dots, "faint": not dots, "off": not dots}
        for i, (name, key, dots) in enumerate(named)
        if key in series
    ]

    def one(key: str, label: str, log: bool) -> dict:
        lines = [{"name": label, "values": series[key], "colour": "--c0"}] if key in series else []
        return {"x": both, "series": lines, "label": label, "log": log}

    layers = [
        {"name": name, "values": values, "colour": COLOURS[i % len(COLOURS)]}
        for i, (name, values) in enumerate(data["layers"].items())
    ]
    return {
        "error": {"x": both, "series": errors, "label": "error in percent", "log": True, "unit": " %"},
        "loss": one("train_loss", "loss", False),
        "rate": one("learning_rate", "learning rate", False),
        "gradient": one("gradient_norm", "norm of the gradient", True),
        "ratios": {"x": both, "series": layers, "label": "update ratio by layer", "log": True},
    }


def _pictures(run: Run) -> dict:
    found = run.pictures
    if not found:
        return {}
    originals, deformed, weights = found["originals"], found["deformed"], found["weights"]
    cells = np.concatenate([originals[:, None], deformed], axis=1).reshape(-1, *originals.shape[1:])
    shown = {"deformed": images.png(images.grid(cells, deformed.shape[1] + 1)), "grey": run.digits}
    if len(weights):
        columns = 20 if len(weights) > 40 else 10
        picture = images.grid(images.signed(weights), min(columns, len(weights)), paper=255)
        shown |= {"weights": images.png(picture), "units": len(weights)}
    return shown


def _predictions(run: Run, charts: dict) -> dict:
    """Mistakes, confusions, calibration, refusal; the charts of the latter two are added to `charts`."""
    arrays = run.predictions
    if not arrays:
        why = "Mistakes, confusions and calibration appear here once the run has finished."
        return {"no_predictions": why if not run.result else "The folder has no predictions.npz, or a damaged one."}
    labels, temperature = arrays["labels"], float(arrays.get("temperature", 1.0))
    scores = mistakes.at_temperature(arrays["probabilities"], temperature)
    arrays = arrays | {"probabilities": scores}
    found = illustrated(mistakes.mistakes(arrays, run.names), arrays["images"], run.digits)
    table = mistakes.confusion(scores, labels)
    off = table - np.diag(np.diag(table))
    bins, refusal = mistakes.calibration(scores, labels), mistakes.refusal(scores, labels)
    sure = [100 * each["probability"] for each in bins]
    right = {"name": "right", "values": [100 * each["right"] for each in bins], "colour": "--c0", "dots": True}
    ideal = {"name": "as sure as right", "values": sure, "colour": "--c7", "faint": True}
    axis = {"probability": {"label": "probability of the first guess, %", "values": sure}}
    charts["calibration"] = {"x": axis, "series": [right, ideal], "label": "calibration", "unit": " %", "plain": True}
    refused, left = zip(*refusal["curve"], strict=True)
    line = {"name": "errors among the rest", "values": list(left), "colour": "--c0"}
    axis = {"refused": {"label": "refused, %", "values": list(refused)}}
    charts["refusal"] = {"x": axis, "series": [line], "label": "errors among the rest in percent", "unit": " %"}
    charts["refusal"]["reference"] = {"value": refusal["target"], "name": f"{refusal['target']:g} %"}
    return {
        "wrong": int(off.sum()),
        "kept": len(found),
        "second_right": sum(each["second_right"] for each in found),
        "mistakes": found,
        "confusion": table.tolist(),
        "temperature": temperature,
        "worst": max(1, int(off.max())),
        "calibration_error": mistakes.calibration_error(bins),
        "refusal": refusal,
        "hands": mistakes.by_hand(scores, arrays),
    }
