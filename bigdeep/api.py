"""bigdeep from Python: `bigdeep.config`, `train`, `load`, `deform`. Everything else says what it does as well.

>>> import bigdeep
>>> run = bigdeep.train(bigdeep.config("mlp3", epochs=5), "runs/five")   # or resumes, or gives back what is finished
>>> run.errors(), run.net(images).argmax(axis=1)
"""

import functools
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from bigdeep import augment, configfile, training
from bigdeep.data import pixels
from bigdeep.errors import BadInput, require
from bigdeep.place import place
from bigdeep.run import folder, journal, machine
from bigdeep.sections import plain

Config: TypeAlias = ml_collections.ConfigDict


def config(name: str, **values: Any) -> Config:
    """The config that FILE[:VARIANT] names, a path or a name as "mlp3:smoke", with other values for some of its keys.

    As config("mlp3", epochs=5, mixup=0.0); keys of sections can be set afterwards: config.schedule.rate = 1e-3.
    Raises BadInput for unknown names and keys, with the nearest one.
    """
    found = configfile.load(name)
    for key, value in values.items():
        value = value.item() if isinstance(value, np.generic) else value
        text = value if isinstance(value, str) else repr(plain(value))
        configfile.override(found, f"config.{key}", text)
    return found


def _batch(images: Any, expected: str) -> jax.Array:
    """uint8 (N, H, W, C), N > 0, of images with or without channels; BadInput for anything else."""
    try:
        array = jnp.asarray(images)
    except (TypeError, ValueError):
        raise BadInput(f"images: found {type(images).__name__}, expected {expected}") from None
    found = f"{array.dtype} {array.shape}"
    array = array[..., None] if array.ndim == 3 else array
    fits = array.dtype == jnp.uint8 and array.ndim == 4 and len(array) > 0 and min(array.shape[1:3]) > 1
    require(fits, "images", found, expected)
    return array


class Net:
    """A trained net: called with images, it gives probabilities.

    names: of the classes; shape: (H, W, C) of the images it takes; config: the run's.
    """

    def __init__(self, net: folder.Net):
        self._net = net
        self.names: list[str] = net.dataset["names"]
        self.shape: tuple[int, int, int] = tuple(net.dataset["shape"])
        self.config: dict = net.config

    def __call__(self, images: jax.typing.ArrayLike) -> jax.Array:
        """uint8 (N, H, W) or (N, H, W, C), smaller ones are padded with background -> probabilities (N, classes).

        They are at a temperature for which the net is as sure as it is right.
        """
        return self._probabilities(self._net.params, self._net.model_state, self._framed(images))

    def logits(self, images: jax.typing.ArrayLike) -> jax.Array:
        """The same -> logits (N, classes), before they are divided by the temperature."""
        return self._logits(self._net.params, self._net.model_state, self._framed(images))

    @property
    def params(self) -> Any:
        """The weights, as nested dicts of arrays."""
        return self._net.params

    @functools.cached_property
    def _probabilities(self) -> Callable:
        return jax.jit(self._net.probabilities)

    @functools.cached_property
    def _logits(self) -> Callable:
        return jax.jit(self._net.logits)

    def _framed(self, images: jax.typing.ArrayLike) -> jax.Array:
        expected = f"uint8 (N, {', '.join(map(str, self.shape))}), or smaller ones"
        array = _batch(images, expected)
        smaller = array.shape[1] <= self.shape[0] and array.shape[2] <= self.shape[1]
        require(smaller and array.shape[3] == self.shape[2], "images", f"{array.dtype} {array.shape}", expected)
        return jnp.pad(array, pixels.margins(array.shape[1:], self.shape))


class Run:
    """A run's folder, finished or not, or a net in a file."""

    def __init__(self, workdir: str | pathlib.Path):
        self.workdir = workdir

    @property
    def config(self) -> dict:
        """The config it was started with, as plain dicts."""
        return folder.read_config(self.workdir)["config"]

    @property
    def result(self) -> dict:
        """What result.json says; {} until it has finished."""
        return folder.read_result(self.workdir)

    @property
    def rows(self) -> list[dict]:
        """The rows of metrics so far."""
        return journal.read_rows(place(self.workdir) / "metrics.jsonl")

    @functools.cached_property
    def net(self) -> Net:
        """The net at best validation."""
        return Net(folder.net(self.workdir))

    def errors(self) -> dict[str, int]:
        """{"test_errors", "test_total", "validation_errors", "validation_total"} at best validation, exact."""
        best = self.result
        require(best, f"run {self.workdir}", "one that has not finished", "one that has")
        found = {key: best[key] for key in ("test_total", "validation_errors", "validation_total")}
        return {"test_errors": best["test_errors_at_best_validation"], **found}

    def __repr__(self) -> str:
        return f"bigdeep.Run({str(self.workdir)!r})"


def train(
    config: Config | Mapping[str, Any],
    workdir: str | pathlib.Path | None = None,
    *,
    on_row: Callable[[dict], None] | None = None,
    force_resume: bool = False,
) -> Run:
    """Trains what a config says in a folder, runs/NAME if none is given; resumes, or returns at once what is finished.

    on_row: called with each row of metrics. force_resume: goes on although the config has changed. Raises BadInput,
    errors.Stopped after a signal with everything saved (in the main thread), errors.Failed.
    """
    machine.prepare()
    path = place(workdir or f"runs/{str(config['name']).replace(':', '-')}")
    training.run(config, str(path), force_resume=force_resume, on_row=on_row)
    return Run(path)


def load(name: str | pathlib.Path) -> Net:
    """A trained net: of a run's folder, of a .safetensors file, or one that comes along, as "mlp2"."""
    machine.prepare()
    known = isinstance(name, str) and not pathlib.Path(name).exists() and name.isidentifier()
    return Net(folder.net(f"pretrained:{name}" if known else name))


def deform(
    images: jax.typing.ArrayLike,
    labels: jax.typing.ArrayLike,
    key: jax.Array,
    deformation: str | Mapping[str, Any] | list = "paper",
    strength: float = 1.0,
) -> jax.Array:
    """Deformed images uint8 (N, H, W, C), each its own way, as in training.

    images: uint8 (N, H, W) or (N, H, W, C); labels: (N,), since some deformations depend on the class; key: of
    jax.random. deformation: a config's ("mlp5", "augmentations:cpab", "paper" for that of mlp5_paper), a section of
    config.augment, or a list of them. strength: what all displacements are multiplied by.
    """
    array = _batch(images, "uint8 (N, H, W) or (N, H, W, C)")
    classes = np.asarray(labels)
    whole = classes.shape == array.shape[:1] and np.issubdtype(classes.dtype, np.integer) and classes.min() >= 0
    require(whole, "labels", f"{classes.dtype} {classes.shape}", f"integers ({len(array)},), 0 or more")
    require(np.isfinite(strength), "strength", strength, "a finite number")
    if isinstance(deformation, str):
        sections = plain(configfile.load("mlp5_paper" if deformation == "paper" else deformation))["augment"]
    else:
        sections = [dict(deformation)] if isinstance(deformation, Mapping) else list(deformation)
    build = augment.build(sections, array.shape[1:], max(10, int(classes.max()) + 1), "mnist")
    deformed = jax.jit(build)(key, array, jnp.asarray(classes, jnp.uint8), strength)
    return pixels.to_bytes(deformed)
