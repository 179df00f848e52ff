"""What a run shows while it trains: a line that is drawn anew on a terminal, a line per epoch elsewhere."""

import math
import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any

from bigdeep.errors import tell


class Progress:
    """A bar on a terminal; elsewhere a line per epoch, and one a minute within long epochs.

    The time left is that of the steps since the first row, so that compiling does not count. A terminal or pipe that is
    gone ends the showing, not the run. shown: False for all but one of the processes that train together.
    """

    def __init__(self, step: int, total_steps: int, epoch_steps: int, shown: bool = True):
        self._total, self._epoch_steps, self._shown = total_steps, epoch_steps, shown
        self._first: tuple[float, int] | None = None
        self._told, self._validation = -math.inf, ""
        self._bar = shown and sys.stderr is not None and sys.stderr.isatty()
        if self._bar:
            self._draw(step / total_steps, ["compiling…"])

    def show(self, row: Mapping[str, Any]) -> None:
        """Shows a row of metrics."""
        if not self._shown:
            return
        now, step = time.monotonic(), row["step"]
        if self._first is None:
            self._first = (now, step)
        if "validation_errors" in row:
            self._validation = f"{row['validation_errors']}/{row['validation_total']} validation errors"
        left = self._left(now, step)
        parts = [f"epoch {row['epoch']:.1f}/{self._total // self._epoch_steps}", f"loss {row['train_loss']:.4f}"]
        parts += [self._validation] if self._validation else []
        speed = f"{row['images_per_second']:,.0f} images/s"
        if self._bar:
            self._draw(step / self._total, [f"{left} left" if left else "", *parts, speed])
        elif step % self._epoch_steps == 0 or now - self._told > 60:
            self._told = now
            tell(", ".join([f"step {step}", *parts, speed, *([f"{left} left"] if left else [])]))

    def _left(self, now: float, step: int) -> str:
        began, first = self._first or (now, step)
        return duration((now - began) / (step - first) * (self._total - step)) if step > first else ""

    def _draw(self, done: float, parts: list[str]) -> None:
        """One line that fits the terminal: the most useful parts first, those left out that do not fit."""
        width = (shutil.get_terminal_size().columns or 80) - 1
        text = f"{100 * done:3.0f}%"
        for part in filter(None, parts):
            if len(text) + 2 + len(part) <= width:
                text += f"  {part}"
        try:
            sys.stderr.write(f"\r\x1b[2K{text[:width]}")
            sys.stderr.flush()
        except (OSError, ValueError):
            self._bar = False
            sys.stderr = None

    def close(self) -> None:
        """Leaves the last line of the bar standing."""
        if self._bar:
            tell("")


def duration(seconds: float) -> str:
    """Seconds as people say them: '45 s', '12 min', '3 h 05 min'."""
    if seconds < 119.5:  # else the minutes would say too little
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
