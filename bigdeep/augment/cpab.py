"""AlignMNIST: each class has its own learned distribution of smooth invertible deformations (CPAB)."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bigdeep import sections
from bigdeep.augment import velocity
from bigdeep.augment.deformation import Deformation
from bigdeep.errors import BadInput, require

MNIST = pathlib.Path(__file__).parent / "fitted" / "cpab.npz"  # of MNIST's training set, by bigdeep.tools.fit_cpab
STEPS = 8  # of the flow's integration; tests compare it with a finer one
CHUNK = 128


class Statistics(NamedTuple):
    """What bigdeep.tools.fit_cpab saves: of each class's deformations theta ~ N(mean, root root^T).

    mean: float32 (classes, d). root: float32 (classes, d, d). cells: (y, x). boundary: "free" or "fixed". dataset: the
    name of the one it was fitted on.
    """

    mean: np.ndarray
    root: np.ndarray
    cells: tuple[int, int]
    boundary: str
    dataset: str


def cpab(
    shape: tuple[int, int, int],
    classes: int,
    dataset: str,
    path: str = "",
    cells: tuple[int, int] = (4, 4),
    bank: int = 512,
) -> Deformation:
    """Warps an image by a diffeomorphism drawn from those that turn training digits of its class into each other.

    theta ~ N(mean_c, cov_c) of the image's class c; v = sum_k theta_k v_k, a continuous velocity field, affine on each
    triangle of a grid of cells; the image is sampled at the flow of v in unit time.

    path: a file of `python -m bigdeep.tools.fit_cpab`; "" for the one fitted on MNIST's training set. cells: its
    grid, (y, x). bank: how many flows per class are drawn and integrated when training starts, in [1, 2048], the same
    for all seeds; each image takes one of its class at random. 4 bytes per pixel: 16 MB for 512 of 10 classes, 28 x 28.
    Source: Hauberg, Freifeld, Larsen, Fisher, Hansen 2016 (arXiv 1510.02795), section 3.
    """
    sections.integer("bank", bank, "[1, 2048]")
    sections.check(isinstance(path, str), "path", path, "a file name")
    sections.check(isinstance(cells, Sequence) and len(cells) == 2, "cells", cells, "two numbers, (y, x)")
    statistics = load(pathlib.Path(path) if path else MNIST)
    grid = tuple(statistics.cells)
    sections.check(grid == tuple(cells), "cells", tuple(cells), f"the grid that {path or MNIST.name} has, {grid}")
    fitted = len(statistics.mean)
    sections.check(fitted == classes, "path", path or MNIST.name, f"a file for {classes} classes, not for {fitted}")
    same = dataset.removesuffix("-5k") in ("", statistics.dataset) and shape[2] == 1
    sections.check(same, "path", f"a fit on {statistics.dataset}", f"one on {dataset or 'grey images'}")
    draws = sample(jax.random.key(0), statistics, bank)
    flows = displacements(draws.reshape(classes * bank, -1), statistics, shape[:2]).astype(np.float16)

    def displace(key: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        chosen = labels.astype(jnp.int32) * bank + jax.random.randint(key, (len(labels),), 0, bank)
        fields = jnp.asarray(flows)[chosen].astype(jnp.float32)
        return fields[:, 0], fields[:, 1]

    return Deformation(displace=displace)


def load(path: pathlib.Path) -> Statistics:
    """A fitted file; raises BadInput where it is missing, damaged or something else."""
    require(path.is_file(), f"CPAB statistics {path}", "no file", "one of python -m bigdeep.tools.fit_cpab")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            mean, root = stored["mean"], stored["root"]
            y, x = map(int, stored["cells"])
            about = (y, x), str(stored["boundary"]), str(stored["dataset"])
            statistics = Statistics(np.asarray(mean, np.float32), np.asarray(root, np.float32), *about)
        d = len(velocity.basis(statistics.cells, {"free": "free", "fixed": "fixed"}[statistics.boundary]))
    except Exception as error:  # zip, zlib and numpy each have their own for a damaged file
        found = f"{type(error).__name__}: {error}"
        raise BadInput(f"CPAB statistics {path}: found {found!r}, expected an intact .npz of fit_cpab") from error
    fits = (
        np.isfinite(root).all()
        and np.isfinite(mean).all()
        and mean.ndim == 2
        and mean.shape[1] == d
        and root.shape == (len(mean), d, d)
    )
    require(fits, f"CPAB statistics {path}", f"mean {mean.shape}, root {root.shape}", f"(n, {d}) and (n, {d}, {d})")
    return statistics


def sample(key: jax.Array, statistics: Statistics, count: int) -> jax.Array:
    """theta, float32 (classes, count, d)."""
    classes, d = statistics.mean.shape
    noise = jax.random.normal(key, (classes, count, d))
    return jnp.asarray(statistics.mean)[:, None] + jnp.einsum("cij,cnj->cni", statistics.root, noise)


def displacements(theta: jax.Array, statistics: Statistics, shape: tuple[int, int]) -> np.ndarray:
    """The flows of theta (N, d) at all pixels, less the pixels: float32 (N, 2, H * W), pixels, (d_y, d_x)."""
    cells = statistics.cells
    vertex_basis = jnp.asarray(velocity.basis(cells, statistics.boundary), jnp.float32)
    points = jnp.asarray(velocity.pixels(shape, cells), jnp.float32)
    size = jnp.asarray(np.array(shape) / np.array(cells), jnp.float32)[:, None]  # of a cell, in pixels

    @jax.jit
    def one_chunk(theta: jax.Array) -> jax.Array:
        values = jnp.einsum("nd,dvk->nvk", theta, vertex_basis)
        carried = jax.vmap(lambda vertices: velocity.flow(vertices, points, cells, STEPS))(values)
        return (carried - points[None]) * size[None]

    padded = jnp.pad(theta, ((0, -len(theta) % CHUNK), (0, 0))).reshape(-1, CHUNK, theta.shape[1])
    return np.concatenate([np.asarray(one_chunk(chunk)) for chunk in padded])[: len(theta)]
