"""What a run tells: metrics.jsonl, result.json, and a progress bar or plain lines."""

import json
import math
import os
import pathlib
import sys
import time
from collections.abc import Mapping
from typing import Any

import tqdm

from bigdeep.errors import BadInput, require


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes a file so that it is there whole or not at all, on disk when this returns."""
    partial = path.with_suffix(".partial")
    with partial.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def write_json(path: pathlib.Path, value: Mapping) -> None:
    """Writes a JSON file as a whole."""
    write_text(path, json.dumps(value, indent=2) + "\n")


class Journal:
    """metrics.jsonl: one row a line, in the order of steps. Opening it cuts off what comes after `step`.

    Raises BadInput where it does not reach `step`: then it was lost or changed, and with it which step was the best.
    """

    def __init__(self, path: pathlib.Path, step: int):
        self.path = path
        self.rows = [row for row in read_rows(path) if row["step"] <= step]
        last = self.rows[-1]["step"] if self.rows else 0
        require(last == step, f"{path}", f"rows up to step {last}", f"one of the checkpoint's step {step}")
        write_text(path, "".join(json.dumps(row) + "\n" for row in self.rows))

    def write(self, row: Mapping[str, Any]) -> None:
        """Appends a row; on disk when this returns, so that no checkpoint is newer than its metrics."""
        self.rows.append(dict(row))
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())


def read_rows(path: pathlib.Path) -> list[dict]:
    """The rows of a metrics.jsonl, less a last line that is not whole, which a killed run can leave."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(json.loads(line))
        except ValueError:
            raise BadInput(f"{path}, line {number}: found {line[:40]!r}, expected a row of metrics in JSON") from None
    return rows


class Progress:
    """A bar on a terminal; elsewhere a line an epoch, and one a minute within long epochs."""

    def __init__(self, step: int, total_steps: int, epoch_steps: int):
        self._total, self._epoch_steps, self._step = total_steps, epoch_steps, step
        self._start, self._last = (time.monotonic(), step), -math.inf
        self._validation = ""
        layout = "{percentage:3.0f}%|{bar}| {desc} [{elapsed}<{remaining}]"
        self._bar = None
        if sys.stderr.isatty():
            self._bar = tqdm.tqdm(total=total_steps, initial=step, bar_format=layout, dynamic_ncols=True)

    def show(self, row: Mapping[str, Any]) -> None:
        """Shows a row of metrics."""
        if "validation_errors" in row:
            self._validation = f", {row['validation_errors']}/{row['validation_total']} validation errors"
        epochs = self._total // self._epoch_steps
        text = f"epoch {row['epoch']:.1f}/{epochs}, loss {row['train_loss']:.4f}{self._validation}"
        text += f", {row['images_per_second']:,.0f} images/s"
        self._step = row["step"]
        if self._bar is not None:
            self._bar.set_description_str(text, refresh=False)
            self._bar.update(self._step - self._bar.n)
        elif self._step % self._epoch_steps == 0 or time.monotonic() - self._last > 60:
            self._last = time.monotonic()
            print(f"step {self._step}, {text}, {self._left()} left", file=sys.stderr, flush=True)

    def _left(self) -> str:
        started, first = self._start
        seconds = (time.monotonic() - started) / (self._step - first) * (self._total - self._step)
        return duration(seconds)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def duration(seconds: float) -> str:
    """Seconds as people say them: '45 s', '12 min', '3 h 05 min'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
