"""A page on several runs beside each other, or an index of all runs of a folder."""

import json
import os
import pathlib
import urllib.parse
from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdeep.place import in_bucket
from bigdeep.report import mistakes
from bigdeep.report.html import COLOURS, axes, illustrated, rendered
from bigdeep.report.run import Run, curves
from bigdeep.sections import differences


def of_several(runs: Sequence[Run], where: pathlib.Path, index: bool = False) -> str:
    """A table of runs; unless it is an index, their curves, committee and differing configs as well.

    where: the folder the page is to lie in, for links to the pages of the runs.
    """
    rows = [_row(run, where, None if index else COLOURS[i % len(COLOURS)]) for i, run in enumerate(runs)]
    context: dict[str, Any] = {"title": "Runs" if index else "Comparison", "index": index, "runs": rows}
    context["datasets"] = sorted({row["dataset"] for row in rows})
    if not index:
        context |= {"charts": _together(runs), "different": _different(runs)} | _committee(runs)
    return rendered("comparison.html.j2", context)


def _row(run: Run, where: pathlib.Path, colour: str | None) -> dict:
    last, best = run.rows[-1] if run.rows else {}, run.best
    page = run.workdir / "report.html"
    linked = not in_bucket(page) and page.exists()
    return {
        "name": run.name,
        "link": f"./{urllib.parse.quote(os.path.relpath(page, where))}" if linked else "",
        "colour": colour,
        "dataset": run.dataset["name"],
        "state": "finished" if run.result else "not finished",
        "seed": run.config["seed"],
        "error": run.error(),
        "errors": best.get("test_errors", ""),
        "validation": best.get("validation_errors", ""),
        "epoch": last.get("epoch", 0.0),
        "epochs": run.epochs(),
        "seconds": last.get("seconds", 0.0),
        "speed": run.result.get("images_per_second") or last.get("images_per_second", 0.0),
        "weights": sum(int(np.prod(shape)) for shape in run.about.get("weights", {}).values()),
        "expected": run.expected(),
    }


def _together(runs: Sequence[Run]) -> dict:
    """The curves of several runs in one chart each, every line on its own axis of epochs and seconds."""
    errors, losses, common = [], [], dict[str, dict]()
    for i, run in enumerate(runs):
        data = curves(run)
        common = common or axes(data)
        line = {"name": run.name, "colour": COLOURS[i % len(COLOURS)], "x": axes(data)}
        nothing = [None] * len(data["epoch"])
        errors.append({**line, "values": data["series"].get("test", nothing), "dots": True})
        losses.append({**line, "values": data["series"].get("train_loss", nothing)})
    return {
        "error": {"x": common, "series": errors, "label": "test error in percent", "log": True, "unit": " %"},
        "loss": {"x": common, "series": losses, "label": "training loss", "log": False},
    }


def _different(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """[(key, its value in each run)] of the keys at which the configs differ."""
    keys: dict[str, None] = {}
    for run in runs[1:]:
        keys |= dict.fromkeys(line.partition(":")[0] for line in differences(runs[0].config, run.config))
    keys.pop("config.name", None)
    return [(key, [json.dumps(_at(run.config, key), ensure_ascii=False) for run in runs]) for key in keys]


def _at(config: Any, path: str) -> Any:
    for key in path.replace("[", ".").replace("]", "").split(".")[1:]:
        try:
            config = config[int(key) if isinstance(config, list) else key]
        except (KeyError, IndexError, TypeError):
            return None
    return config


def _committee(runs: Sequence[Run]) -> dict:
    """The mean of the probabilities, and each member's vote; {} unless all have predictions of the same images."""
    members = [run.predictions for run in runs]
    if not all(members) or len({run.dataset["sha256"] for run in runs}) > 1:
        return {}
    labels = members[0]["labels"]
    scores = np.mean([each["probabilities"].astype(np.float64) for each in members], axis=0)
    pictures = {int(i): image for each in members for i, image in zip(each["wrong"], each["images"], strict=True)}
    wrong = np.array([i for i in np.flatnonzero(scores.argmax(axis=1) != labels) if int(i) in pictures], int)
    shape = members[0]["images"].shape[1:]
    kept = np.stack([pictures[int(i)] for i in wrong]) if len(wrong) else np.zeros((0, *shape), np.uint8)
    found = mistakes.mistakes({"probabilities": scores, "labels": labels, "wrong": wrong}, runs[0].names)
    for each in found:
        each["votes"] = [runs[0].names[int(m["probabilities"][each["index"]].argmax())] for m in members]
    errors = int((scores.argmax(axis=1) != labels).sum())
    alone = [int((m["probabilities"].argmax(axis=1) != labels).sum()) for m in members]
    about = {"error": 100 * errors / len(labels), "errors": errors, "total": len(labels), "alone": alone}
    return {"committee": about, "mistakes": illustrated(found, kept, runs[0].digits)}
