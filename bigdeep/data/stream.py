"""A training set that stays on the host: worker processes read the batches of the steps ahead, by Grain.

For images that do not fit on a device. They are the batches that data/resident.py takes there, image for image, and the
step number is the whole state here, too.
"""

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import jax
import numpy as np
from absl import flags

from bigdeep.data import resident
from bigdeep.errors import BadInput

AHEAD = 8  # batches that each worker keeps ready


class Batches:
    """A sequence: the batch of each step of a run, (images uint8 (b, H, W, C), labels (b,))."""

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        key_data: np.ndarray,
        batch_size: int,
        steps: int,
        rows: slice = slice(None),
    ):
        """images, labels: the training set; images may be mapped from a file, which each worker then opens by itself.

        key_data: of the key of the order, as uint32. rows: which rows of a batch are read, by one of several processes.
        """
        self.images, self.labels, self.key_data = images, labels, key_data
        self.batch_size, self.steps, self.rows = batch_size, steps, rows
        self._epoch, self._order = -1, np.zeros(0, int)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        epoch, place = divmod(step, len(self.labels) // self.batch_size)
        if epoch != self._epoch:
            key = jax.random.wrap_key_data(jax.numpy.asarray(self.key_data))
            self._epoch, self._order = epoch, np.asarray(resident.order(key, epoch, len(self.labels)))
        index = self._order[place * self.batch_size :][: self.batch_size][self.rows]
        return np.asarray(self.images[index]), self.labels[index]

    def __getstate__(self) -> dict:
        """What goes to a worker: of mapped images the place, not the bytes."""
        images = _place(self.images) if isinstance(self.images, np.memmap) else self.images
        return vars(self) | {"images": images, "_epoch": -1, "_order": np.zeros(0, int)}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        if isinstance(self.images, tuple):
            file, offset, shape = self.images
            self.images = np.memmap(file, np.uint8, "r", offset, shape)


def _place(images: np.memmap) -> tuple[str, int, tuple[int, ...]]:
    """(file, offset, shape) of rows, one behind the other, of an array that is mapped from a file."""
    whole = images
    while isinstance(whole.base, np.memmap):
        whole = whole.base
    return str(whole.filename), whole.offset + images.ctypes.data - whole.ctypes.data, images.shape


class Reader:
    """Reads the batches of coming steps in worker processes, in order."""

    def __init__(self, batches: Batches, workers: int):
        try:
            import grain  # noqa: PLC0415 - an extra
        except ModuleNotFoundError:
            raise BadInput("config.data.workers: found no grain, expected pip install 'bigdeep[stream]'") from None
        if not flags.FLAGS.is_parsed():  # called from Python: Grain has flags, and wants them read
            flags.FLAGS.mark_as_parsed()
        self._batches: Iterator | None = None
        self._set = grain.MapDataset.source(batches)
        self._reading = grain.ReadOptions(num_threads=1, prefetch_buffer_size=1)
        self._workers = grain.MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=AHEAD)

    def read(self, count: int, start: Callable[[], int]) -> tuple[np.ndarray, np.ndarray]:
        """The next `count` batches as (count, b, H, W, C) and (count, b); start() is the step of the very first."""
        if self._batches is None:
            ahead = self._set[start() :].to_iter_dataset(self._reading)
            self._batches = iter(ahead.mp_prefetch(self._workers, worker_init_fn=_begin))
        return stacked(list(itertools.islice(self._batches, count)))


def stacked(batches: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Batches one above the other: (steps, b, H, W, C) and (steps, b)."""
    images, labels = zip(*batches, strict=True)
    return np.stack(images), np.stack(labels)


def _begin(*_: int) -> None:
    """What a worker does first: it keeps off accelerators, leaves signals to the run, and ends with it."""
    jax.config.update("jax_platforms", "cpu")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    run = os.getppid()

    def watch() -> None:
        while os.getppid() == run:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
