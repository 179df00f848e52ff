"""Event files for TensorBoard: scalars of each row, and at checkpoints deformed images and histograms of weights."""

import pathlib
from collections.abc import Callable, Mapping

import numpy as np

from bigdeep.errors import BadInput
from bigdeep.run.netfile import flat

try:
    from tensorboardX import SummaryWriter
except ImportError:
    raise BadInput("config.tensorboard: found no tensorboardX, expected pip install 'bigdeep[tensorboard]'") from None


class Board:
    """Writes a run's rows and checkpoints. step: what a resumed run starts from; what was written beyond it is undone.

    sheet: step -> uint8 (H, W, C), a picture of what the net sees.
    """

    def __init__(self, folder: pathlib.Path, step: int, sheet: Callable[[int], np.ndarray]):
        self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step >= 0 else None)
        self._sheet = sheet

    def row(self, row: Mapping) -> None:
        """The numbers of a row of metrics, those of layers under layer/quantity."""
        step = row["step"]
        for name, value in row.items():
            if name not in ("step", "layers") and isinstance(value, int | float):
                self._writer.add_scalar(name, value, step)
        for layer, quantities in row.get("layers", {}).items():
            for name, value in quantities.items():
                self._writer.add_scalar(f"{layer}/{name}", value, step)

    def saved(self, step: int, items: Mapping) -> None:
        """Histograms of all weights, and deformed training images."""
        for name, leaf in flat(items["net"]["params"]).items():
            self._writer.add_histogram(name, np.asarray(leaf, np.float32), step)
        self._writer.add_image("deformed", self._sheet(step), step, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        """Ends the file."""
        self._writer.close()
