"""Fits the class-dependent deformations of AlignMNIST on a training set.

  python -m bigdeep.tools.fit_cpab --output=FILE.npz [--data=mnist --pairs=1100]
  python -m bigdeep.tools.fit_cpab --output=FILE.npz --other_hands      each with a digit by another writer (MNIST)

Aligns --pairs digits of each class to their nearest neighbours in it, or to any by other hands, and saves a Gaussian of
the deformations for each class. --validation leaves images out, as config.data.validation does. The test set is not
touched. About 7 minutes on two cores. The section dict(name="cpab", path="FILE.npz") uses the file.
"""

import json
import sys
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl import flags

from bigdeep import cli, data
from bigdeep.augment import velocity
from bigdeep.augment.cpab import Statistics
from bigdeep.data import splits
from bigdeep.errors import require
from bigdeep.run import files, machine

CELLS = (4, 4)
BOUNDARY = "free"
STEPS = 4  # of the flow's integration while fitting
LENGTH, SPEED = 1.0, 0.5  # of the prior: cells over which velocities are alike; cells a unit time, rms
NOISE = 50.0  # grey levels by which aligned pixels may differ, Hauberg et al. 2016's
ITERATIONS, RATE = 60, 0.1
BATCH = 100


def fit(
    images: np.ndarray,
    labels: np.ndarray,
    dataset: str,
    pairs: int,
    report: Callable[[str], None],
    writers: np.ndarray | None = None,
) -> tuple[Statistics, dict]:
    """Aligns `pairs` images of each class to their nearest neighbours, and fits a Gaussian to the theta of each class.

    images: uint8 (N, H, W, 1), labels (N,), of a training set, each class at least BATCH. pairs: a multiple of BATCH.
    report: told of the progress, a line per class. writers: int (N,); then to images by other hands, any of the class.
    Returns the statistics and {"pairs", "error_before", "error_after"}: rms grey levels between the two images.
    """
    align = jax.jit(aligner(images.shape[1:3]))
    means, roots, errors = [], [], []
    for label in np.unique(labels):
        chosen, count = labels == label, min(pairs, int(np.sum(labels == label)))
        digits = images[chosen, :, :, 0]
        if writers is None:
            first, other = nearest_pairs(digits, count, seed=int(label))
        else:
            first, other = pairs_of_hands(digits, writers[chosen], count, seed=int(label))
        batches = range(0, len(first) - BATCH + 1, BATCH)
        aligned = [align(first[i : i + BATCH], other[i : i + BATCH]) for i in batches]
        theta, before, after = (
            np.concatenate([np.asarray(part) for part in each]) for each in zip(*aligned, strict=True)
        )
        means.append(theta.mean(axis=0))
        roots.append(np.linalg.cholesky(np.cov(theta.T) + 1e-8 * np.eye(theta.shape[1])))
        errors.append(np.column_stack([before, after]))
        rms = np.sqrt(np.mean(errors[-1] ** 2, axis=0))
        report(f"class {label}: {len(theta)} pairs aligned, {rms[0]:.1f} -> {rms[1]:.1f} grey levels apart")
    before, after = np.sqrt(np.mean(np.concatenate(errors) ** 2, axis=0))
    summary = {"pairs": sum(map(len, errors)), "error_before": float(before), "error_after": float(after)}
    return Statistics(np.array(means, np.float32), np.array(roots, np.float32), CELLS, BOUNDARY, dataset), summary


def nearest_pairs(digits: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` random digits, float32 (count, H, W), and of each the nearest other digit by Euclidean distance."""
    flat = digits.reshape(len(digits), -1).astype(np.float32)
    chosen = np.random.default_rng(seed).permutation(len(digits))[:count]
    square = np.sum(flat**2, axis=1)
    distance = square[None] - 2 * flat[chosen] @ flat.T  # + the chosen one's square, the same for all
    distance[np.arange(count), chosen] = np.inf
    return digits[chosen].astype(np.float32), digits[distance.argmin(axis=1)].astype(np.float32)


def pairs_of_hands(digits: np.ndarray, writers: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` random digits, float32 (count, H, W), and of each another at random among those by other writers."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(digits))[:count]
    other = rng.integers(len(digits), size=count)
    while (same := writers[other] == writers[chosen]).any():
        other[same] = rng.integers(len(digits), size=same.sum())
    return digits[chosen].astype(np.float32), digits[other].astype(np.float32)


def aligner(shape: tuple[int, int]) -> Callable:
    """align(first, other) -> (theta (B, d), error before (B,), after (B,)): maximum a posteriori by Adam.

    Minimises |first(flow_theta(p)) - other(p)|^2 / (2 NOISE^2) + theta^T P^-1 theta / 2 over theta = L z, P = L L^T.
    """
    d_basis = velocity.basis(CELLS, BOUNDARY)
    root = jnp.asarray(prior_root(d_basis), jnp.float32)
    vertex_basis, points = jnp.asarray(d_basis, jnp.float32), jnp.asarray(velocity.pixels(shape, CELLS), jnp.float32)
    size = jnp.asarray(np.array(shape) / np.array(CELLS), jnp.float32)[:, None]
    tx = optax.adam(optax.cosine_decay_schedule(RATE, ITERATIONS))

    def residual(z: jax.Array, first: jax.Array, other: jax.Array) -> jax.Array:
        values = jnp.einsum("d,dvk->vk", root @ z, vertex_basis)
        return lookup(first, velocity.flow(values, points, CELLS, STEPS) * size - 0.5) - other.ravel()

    def energy(z: jax.Array, first: jax.Array, other: jax.Array) -> jax.Array:
        errors = jax.vmap(residual)(z, first, other)
        return jnp.sum(errors**2) / (2 * NOISE**2) + jnp.sum(z**2) / 2

    def align(first: jax.Array, other: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        def update(carry: tuple, _: None) -> tuple[tuple, None]:
            z, state = carry
            updates, state = tx.update(jax.grad(energy)(z, first, other), state)
            return (z + updates, state), None

        start = jnp.zeros((len(first), len(root)))
        (z, _), _ = jax.lax.scan(update, (start, tx.init(start)), None, length=ITERATIONS)
        before, after = (jnp.sqrt(jnp.mean(jax.vmap(residual)(at, first, other) ** 2, axis=1)) for at in (start, z))
        return z @ root.T, before, after

    return align


def prior_root(basis: np.ndarray) -> np.ndarray:
    """float64 (d, d), L with theta = L z, z ~ N(0, 1): velocities alike over LENGTH cells, SPEED rms.

    E v(p) v(q) = SPEED^2 exp(-|p - q|^2 / (2 LENGTH^2)) at the vertices, independent for y and x, read in the basis.
    """
    distance = np.linalg.norm(velocity.vertices(CELLS)[:, None] - velocity.vertices(CELLS)[None], axis=-1)
    kernel = SPEED**2 * np.exp(-0.5 * (distance / LENGTH) ** 2)
    covariance = np.einsum("dvk,vw,ewk->de", basis, kernel, basis)
    return np.linalg.cholesky(covariance + 1e-6 * np.eye(len(covariance)))


def lookup(image: jax.Array, positions: jax.Array) -> jax.Array:
    """One float image (H, W) at positions (2, N), pixels, bilinear, 0 outside; differentiable in the positions."""
    height, width = image.shape
    padded = jnp.pad(image, 1).ravel()
    y, x = jnp.clip(positions[0], -1, height) + 1, jnp.clip(positions[1], -1, width) + 1
    row, column = (jnp.clip(jnp.floor(p), 0, n).astype(jnp.int32) for p, n in ((y, height), (x, width)))
    corner = row * (width + 2) + column
    down, right = y - row, x - column
    a, b, c, d = (padded.at[corner + k].get(mode="promise_in_bounds") for k in (0, 1, width + 2, width + 3))
    return (1 - down) * ((1 - right) * a + right * b) + down * ((1 - right) * c + right * d)


def main() -> None:
    """Fits and saves; prints what it did as one JSON line."""
    path, record = cli.output("output", ".npz"), cli.optional_output("record", ".json")
    pairs, validation = flags.FLAGS.pairs, flags.FLAGS.validation
    machine.prepare()
    dataset = data.load(flags.FLAGS.data, "auto", "")
    require(dataset.train_images.shape[3] == 1, "--data", dataset.name, "a data set of grey images")
    kept = ~splits.held_out(dataset, "", validation)
    writers = splits.hands(dataset, "")["train"].writer[kept] if flags.FLAGS.other_hands else None
    images, labels = dataset.train_images[kept], dataset.train_labels[kept]
    few = int(np.bincount(labels).min()) // BATCH * BATCH
    fits = pairs % BATCH == 0 and pairs <= few
    require(fits, "--pairs", pairs, f"a multiple of {BATCH}, at most {few}, as many as the smallest class has")
    start = time.time()

    def report(line: str) -> None:
        print(f"{line}, {time.time() - start:.0f} s", file=sys.stderr, flush=True)

    statistics, summary = fit(images, labels, dataset.name, pairs, report, writers)
    np.savez_compressed(path, **statistics._asdict(), sha256=dataset.sha256)
    summary |= {"other_hands": writers is not None, "validation": validation}
    summary |= {"dataset": dataset.name, "seconds": round(time.time() - start, 1), "output": path.name}
    print(json.dumps(summary))
    if record:
        files.write_json(record, {"kind": "fit", **summary} | machine.origin())


if __name__ == "__main__":
    flags.DEFINE_string("data", "mnist", "the data set whose training images are aligned")
    flags.DEFINE_integer("pairs", 1100, "how many digits of each class are aligned", lower_bound=100)
    flags.DEFINE_bool("other_hands", False, "aligned to digits by other writers, not to the nearest (MNIST)")
    flags.DEFINE_string("validation", "train", "which of the training images to leave out, as config.data.validation")
    flags.DEFINE_string("output", None, "the file to write, .npz", required=True)
    flags.DEFINE_string("record", "", "a file to keep what is printed in, runs/NAME.json say")
    cli.run(main, __doc__)
