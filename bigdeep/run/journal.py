"""metrics.jsonl: a row per chunk of steps; it keeps the run's clock and notices what is not finite."""

import json
import os
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bigdeep.errors import BadInput, tell
from bigdeep.place import in_bucket
from bigdeep.run.files import write_text


class Exploded(Exception):
    """A metric that is not finite. name: the metric; value: its value; step: from 0, the first step with it."""

    def __init__(self, name: str, value: float, step: int):
        super().__init__(f"{name} is {value} in step {step}")
        self.step = step


class Journal:
    """The rows so far, and the clock. Opening it cuts off what comes after `step`.

    keep: whether this process writes the file; of several that train together only one does.
    sinks: functions that are called with each row once it is on disk.
    Where lines are damaged or rows are missing, the run goes on with those that are whole, says so, and keeps the file
    as it was beside the new one: what was best so far may be among the missing ones.
    """

    def __init__(self, path: pathlib.Path, step: int, keep: bool = True):
        self.path = path
        self.sinks: list[Callable] = []
        self._keep = keep
        rows, damage = _whole_rows(path)
        self.rows = [row for row in rows if row["step"] <= step]
        last = self.rows[-1]["step"] if self.rows else 0
        damage = damage or (f"it ends at step {last}" if last != step else "")
        before = self.rows[-1].get("seconds", 0.0) if self.rows else 0.0
        if damage and keep:
            self._keep_damaged(damage, step)
        self._started = time.monotonic() - before
        self._lap = time.monotonic()
        self._rewrite()

    def _keep_damaged(self, damage: str, step: int) -> None:
        """Says what is wrong with the file, and keeps it."""
        aside = self.path.with_name("metrics.damaged.jsonl")
        while aside.exists():
            aside = aside.with_name(f"again-{aside.name}")
        if self.path.exists():
            self.path.rename(aside)
        tell(f"bigdeep: {self.path} IS DAMAGED: {damage}; going on from step {step} with {len(self.rows)} whole rows")

    def seconds(self) -> float:
        """Seconds of the whole run, over all its resumes."""
        return round(time.monotonic() - self._started, 2)

    def restart_lap(self) -> None:
        """What was done since the last row, an evaluation say, does not count in the next row's images per second."""
        self._lap = time.monotonic()

    def row(self, step: int, epoch: float, images: int, metrics: Mapping[str, Any]) -> dict:
        """The row for a chunk of steps that ended at `step`, once its metrics are there; not written yet.

        images: how many the chunk saw. metrics: as step.train_steps gives them. Raises Exploded.
        """
        values = {name: np.atleast_1d(np.asarray(v, np.float64)) for name, v in metrics.items() if name != "layers"}
        for name, value in values.items():
            bad = np.flatnonzero(~np.isfinite(value))
            if bad.size:
                raise Exploded(name, value[bad[0]], int(step - value.size + bad[0]))
        before, self._lap = self._lap, time.monotonic()
        return {
            "step": step,
            "epoch": round(epoch, 6),
            "seconds": self.seconds(),
            "train_loss": float(values["train_loss"].mean()),
            "train_error": round(float(values["train_error"].mean()), 6),
            "learning_rate": float(values["learning_rate"][0]),
            "gradient_norm": float(values["gradient_norm"][0]),
            "update_ratio": float(values["update_ratio"][0]),
            "images_per_second": round(images / (self._lap - before), 1),
            "layers": rounded_layers(metrics["layers"]),
        }

    def write(self, row: Mapping[str, Any]) -> None:
        """Appends a row; on disk when this returns, so that no checkpoint is newer than its metrics."""
        self.rows.append(dict(row))
        if not self._keep:
            return
        if in_bucket(self.path):  # where nothing can be appended
            self._rewrite()
        else:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
                file.flush()
                os.fsync(file.fileno())
        for sink in self.sinks:
            sink(self.rows[-1])

    def amend(self, step: int, more: Mapping[str, Any]) -> None:
        """Adds to the row of the last step what was measured later."""
        if not self.rows or self.rows[-1]["step"] != step:  # lost
            self.rows.append({"step": step, "seconds": self.seconds()})
        self.rows[-1] |= more
        self._rewrite()

    def _rewrite(self) -> None:
        if self._keep:
            write_text(self.path, "".join(json.dumps(row) + "\n" for row in self.rows))


def rounded_layers(layers: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """What each layer did in a step, to five significant digits."""
    return {layer: {name: float(f"{float(v):.5g}") for name, v in values.items()} for layer, values in layers.items()}


def read_rows(path: pathlib.Path) -> list[dict]:
    """The rows of a metrics.jsonl, less a last line that is not whole, which a killed run can leave."""
    rows, damage = _whole_rows(path)
    if damage:
        raise BadInput(f"{path}, {damage}, expected a row of metrics in JSON")
    return rows


def _whole_rows(path: pathlib.Path) -> tuple[list[dict], str]:
    """(the rows that are whole and in order; what is wrong with the first line that is not, "" for none)."""
    text = path.read_bytes().decode("utf-8", errors="replace") if path.exists() else ""
    rows: list[dict] = []
    damage = ""
    for number, line in enumerate(text.split("\n")[:-1], start=1):  # what follows the last newline is torn
        row = _row(line)
        if row and row["step"] > (rows[-1]["step"] if rows else 0):
            rows.append(row)
        else:
            damage = damage or f"line {number}: found {line[:40]!r}"
    return rows, damage


def _row(line: str) -> dict:
    """The row that a line holds; {} where it is not whole."""
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    whole = isinstance(row, dict) and isinstance(row.get("step"), int) and "\ufffd" not in line
    return row if whole else {}
